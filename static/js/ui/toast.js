// Short messages at the corner. A refusal stays until it is dismissed; the rest leave by themselves.

const LEAVES_AFTER_MS = 6000;

export function toast(text, state = "verified") {
  const region = document.getElementById("toasts");
  const element = document.getElementById("toast-template").content.firstElementChild.cloneNode(true);
  element.querySelector(".shape").dataset.state = state;
  element.querySelector(".text").textContent = text;
  region.append(element);
  schedule(element, state);
}

function schedule(element, state) {
  if (state !== "act") setTimeout(() => element.remove(), LEAVES_AFTER_MS);
}

export function startToasts() {
  document.addEventListener("click", (event) => {
    event.target.closest("[data-dismiss]")?.closest("[data-toast], [data-dismissable]")?.remove();
  });
  for (const element of document.querySelectorAll("#toasts > [data-toast]")) {
    schedule(element, element.querySelector(".shape").dataset.state);
  }
}
