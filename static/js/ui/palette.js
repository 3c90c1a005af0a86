// The palette: `/` or Ctrl-K, type, arrows, Enter.

const dialog = () => document.getElementById("palette");
const options = () => [...dialog().querySelectorAll("[role=option]")];

export function openPalette() {
  if (dialog().open) return;
  dialog().showModal();
  const input = dialog().querySelector("input");
  input.select();
  input.dispatchEvent(new CustomEvent("palette:open"));
}

export function startPalette() {
  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-open-palette]")) openPalette();
  });
  dialog().addEventListener("keydown", move);
  dialog().addEventListener("htmx:afterSettle", () => select(0));
}

function move(event) {
  const found = options();
  const at = found.findIndex((option) => option.getAttribute("aria-selected") === "true");
  if (event.key === "ArrowDown") select((at + 1) % found.length);
  else if (event.key === "ArrowUp") select((at - 1 + found.length) % found.length);
  else if (event.key === "Enter") found[at]?.click();
  else return;
  event.preventDefault();
}

function select(position) {
  const input = dialog().querySelector("input");
  input.removeAttribute("aria-activedescendant");
  options().forEach((option, at) => {
    option.setAttribute("aria-selected", String(at === position));
    if (at !== position) return;
    option.scrollIntoView({ block: "nearest" });
    input.setAttribute("aria-activedescendant", option.id);
  });
}
