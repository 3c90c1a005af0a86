// Pages on which people act: dialogs from the server go when they are closed, and a part that is
// fetched again keeps what a person opened or ticked in it.

document.body.addEventListener(
  "close",
  (event) => {
    if (event.target.matches("#dialog-slot > dialog")) event.target.remove();
  },
  true,
);

let kept = null;

document.body.addEventListener("htmx:beforeSwap", ({ detail }) => {
  const { target, requestConfig } = detail;
  if (requestConfig.verb !== "get") return; // an act's answer stands as it came
  kept = {
    open: [...target.querySelectorAll("details[id][open]")].map((element) => element.id),
    ticked: [...target.querySelectorAll("input[type=checkbox][id]:checked")].map((element) => element.id),
    focus: target.contains(document.activeElement) ? document.activeElement.id : "",
  };
});

document.body.addEventListener("htmx:afterSwap", () => {
  if (!kept) return;
  for (const id of kept.open) document.getElementById(id)?.setAttribute("open", "");
  for (const id of kept.ticked) {
    const box = document.getElementById(id);
    if (box) box.checked = true;
  }
  if (kept.focus) document.getElementById(kept.focus)?.focus({ preventScroll: true });
  kept = null;
});
