// A short tone for a new alert, two for one to act on. Off until a person turns it on.

import { remember, remembered } from "../preferences.js";

let context = null;

const isOn = () => remembered("sound", "off") === "on";

export function startSound() {
  paint();
  document.addEventListener("click", (event) => {
    if (!event.target.closest("[data-sound]")) return;
    remember("sound", isOn() ? "off" : "on");
    paint();
    if (isOn()) beep(1);
  });
  document.body.addEventListener("live:alert", ({ detail }) => {
    if (isOn() && detail.change === "opened") beep(detail.severity === "act" ? 2 : 1);
  });
}

function paint() {
  for (const button of document.querySelectorAll("[data-sound]")) {
    button.setAttribute("aria-pressed", String(isOn()));
    for (const part of button.querySelectorAll("[data-when]")) part.hidden = part.dataset.when !== (isOn() ? "on" : "off");
  }
}

/** Browsers allow sound only after a gesture; until then the tone is silent, not an error. */
function beep(times) {
  context ??= new AudioContext();
  if (context.state === "suspended") context.resume();
  for (let turn = 0; turn < times; turn += 1) {
    const start = context.currentTime + turn * 0.18;
    const tone = new OscillatorNode(context, { type: "sine", frequency: 660 + turn * 220 });
    const gain = new GainNode(context, { gain: 0 });
    gain.gain.setValueAtTime(0, start);
    gain.gain.linearRampToValueAtTime(0.12, start + 0.015);
    gain.gain.exponentialRampToValueAtTime(0.0001, start + 0.15);
    tone.connect(gain).connect(context.destination);
    tone.start(start);
    tone.stop(start + 0.16);
  }
}
