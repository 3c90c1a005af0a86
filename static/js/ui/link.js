// Pausing, and the note that the numbers stand still: by choice, or because the link is gone.

import { eachSecond } from "../live/clock.js";
import { isPaused, linkState, setPaused, subscribe } from "../live/store.js";

const GRACE_MS = 1500;
const WORDS = {
  lost: "Live link lost. Numbers are as of",
  upstream: "The bridge hears no data: Redis is away. Numbers are as of",
};
let pausedAt = 0;

export function startLink() {
  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-pause]")) setPaused(!isPaused());
  });
  subscribe("link", paint);
  eachSecond(paint);
}

function paint() {
  if (isPaused() && !pausedAt) pausedAt = Date.now();
  if (!isPaused()) pausedAt = 0;
  for (const button of document.querySelectorAll("[data-pause]")) {
    button.setAttribute("aria-pressed", String(isPaused()));
    for (const part of button.querySelectorAll("[data-when]")) part.hidden = part.dataset.when !== (isPaused() ? "paused" : "running");
  }
  const note = document.getElementById("link-note");
  const text = noteText();
  if (note.textContent !== text) note.textContent = text;
  note.hidden = text === "";
}

function noteText() {
  const { state, sinceMs } = linkState();
  const age = Date.now() - sinceMs;
  if (WORDS[state] && age > GRACE_MS) return `${WORDS[state]} ${seconds(age)} ago.`;
  return pausedAt ? `Paused ${seconds(Date.now() - pausedAt)}. Press p to go on.` : "";
}

const seconds = (ms) => `${Math.floor(ms / 1000)} s`;
