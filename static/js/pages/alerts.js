// The alerts page: which line is open, how many are ticked, and a note that goes when it is kept.

const page = document.querySelector(".alerts-page");
const body = document.body;

/** The alert whose address this is. */
const openedId = () => location.pathname.match(/\/alerts\/(\d+)/)?.[1];

function markOpened() {
  const id = openedId();
  page.toggleAttribute("data-opened", Boolean(id));
  for (const row of page.querySelectorAll("[data-row]")) {
    if (row.id === `alert-row-${id}`) row.setAttribute("aria-current", "true");
    else row.removeAttribute("aria-current");
  }
}

function countTicked() {
  const bar = page.querySelector("[data-bulk]");
  if (!bar) return;
  const boxes = [...page.querySelectorAll(".tick")];
  const ticked = boxes.filter((box) => box.checked).length;
  const all = bar.querySelector("[data-tick-all]");
  all.checked = ticked > 0 && ticked === boxes.length;
  all.indeterminate = ticked > 0 && ticked < boxes.length;
  all.disabled = boxes.length === 0;
  bar.querySelector("[data-ticked]").textContent = ticked ? `${ticked} ticked` : "All on this page";
  bar.toggleAttribute("data-any", ticked > 0);
  for (const button of bar.querySelectorAll("[data-bulk-acts] .button")) button.disabled = ticked === 0;
}

page.addEventListener("change", ({ target }) => {
  if (target.matches("[data-tick-all]")) for (const box of page.querySelectorAll(".tick")) box.checked = target.checked;
  if (target.matches(".tick, [data-tick-all]")) countTicked();
});

body.addEventListener("htmx:pushedIntoHistory", markOpened);
body.addEventListener("htmx:afterSettle", ({ detail }) => {
  markOpened();
  countTicked();
  if (detail.requestConfig?.elt.matches("[data-then-note]")) document.getElementById("note-text").focus();
});
body.addEventListener("htmx:afterRequest", ({ detail }) => {
  const form = detail.elt.closest?.("[data-clears]");
  if (form && detail.successful) form.reset();
  if (detail.successful) for (const slot of page.querySelectorAll("[data-refusal]:not([hidden])")) {
    if (detail.requestConfig.verb === "post" && slot.closest("[data-refusals]")?.contains(detail.elt)) slot.hidden = true;
  }
});

markOpened();
countTicked();
