// What htmx does not decide by itself: refusals come back where the act was, a lost sign-in leads there.

import { toast } from "./toast.js";

const SIGN_IN = "/sign-in";

export function startRequests() {
  document.body.addEventListener("htmx:beforeSwap", beforeSwap);
  document.body.addEventListener("htmx:responseError", (event) => refuse(event.detail.elt, reasonOf(event.detail.xhr)));
  document.body.addEventListener("htmx:sendError", (event) =>
    refuse(event.detail.elt, "The bridge did not answer. Nothing was changed; try again."),
  );
  document.body.addEventListener("toast", (event) => toast(event.detail.text ?? event.detail.value, event.detail.state));
}

function beforeSwap(event) {
  const { xhr, elt } = event.detail;
  if (xhr.responseURL && new URL(xhr.responseURL).pathname === SIGN_IN) {
    event.detail.shouldSwap = false;
    location.assign(`${SIGN_IN}?next=${encodeURIComponent(location.pathname + location.search)}`);
  } else if (xhr.status >= 400 && xhr.status < 500 && !event.detail.shouldSwap) {
    event.detail.isError = false; // a refusal is an answer, not a fault to be logged
    refuse(elt, reasonOf(xhr));
  }
}

/** Views refuse with plain text or JSON {"reason": ...}; an HTML page of errors is not shown. */
function reasonOf(xhr) {
  const type = xhr.getResponseHeader("Content-Type") ?? "";
  if (type.startsWith("application/json")) return JSON.parse(xhr.responseText).reason;
  if (type.startsWith("text/plain") && xhr.responseText) return xhr.responseText;
  return `The bridge refused (${xhr.status}). Nothing was changed.`;
}

function refuse(element, reason) {
  const slot = element.closest("[data-refusals]")?.querySelector("[data-refusal]");
  if (!slot) {
    toast(reason, "act");
    return;
  }
  slot.textContent = reason;
  slot.hidden = false;
}
