// Dialogs, menus and copying: what buttons with data attributes do.

import { remember } from "../preferences.js";
import { toast } from "./toast.js";

export function openDialog(id) {
  const dialog = document.getElementById(id);
  if (dialog && !dialog.open) dialog.showModal();
}

export function startDialogs() {
  document.addEventListener("click", (event) => {
    const opener = event.target.closest("[data-open-dialog]");
    if (opener) openDialog(opener.dataset.openDialog);
    if (event.target.closest("[data-open-keys]")) openDialog("keys");
    if (event.target.closest("[data-close-dialog]")) event.target.closest("dialog")?.close();
    if (event.target.matches("dialog")) event.target.close();
    const copier = event.target.closest("[data-copy]");
    if (copier) copy(copier);
    if (event.target.closest("[data-rail-toggle]")) toggleRail();
  });
  document.addEventListener("toggle", placeMenu, true);
  // A partial that holds an open-at-once dialog, such as a freshly issued key.
  document.body.addEventListener("htmx:afterSettle", () => {
    const dialog = document.querySelector("dialog[data-open-now]:not([open])");
    if (dialog) showAndReturn(dialog);
  });
}

/** The browser gives the focus back to the element that had it, not to the one fetched in its place. */
function showAndReturn(dialog) {
  const place = document.activeElement?.closest("[id]")?.id;
  dialog.showModal();
  dialog.addEventListener("close", () => {
    if (document.activeElement === document.body) document.getElementById(place)?.focus({ preventScroll: true });
  });
}

async function copy(button) {
  const text = document.getElementById(button.dataset.copy).textContent;
  try {
    await navigator.clipboard.writeText(text);
    toast("Copied.");
  } catch {
    toast("This browser does not let the page copy. Select the text and copy it by hand.", "look");
  }
}

function toggleRail() {
  const root = document.documentElement;
  const narrow = root.dataset.rail !== "narrow";
  if (narrow) root.dataset.rail = "narrow";
  else delete root.dataset.rail;
  remember("rail", narrow ? "narrow" : null);
}

/** Popovers stand at the window's corner; put ours beside the button that opened it. */
function placeMenu(event) {
  const menu = event.target;
  if (event.newState !== "open" || !menu.matches(".menu:not(.sheet)")) return;
  const button = document.querySelector(`[popovertarget="${menu.id}"]`).getBoundingClientRect();
  const box = menu.getBoundingClientRect();
  const above = menu.dataset.anchor === "top" || button.bottom + box.height > innerHeight;
  menu.style.left = `${Math.max(8, Math.min(button.left, innerWidth - box.width - 8))}px`;
  menu.style.top = `${above ? button.top - box.height - 6 : button.bottom + 6}px`;
}
