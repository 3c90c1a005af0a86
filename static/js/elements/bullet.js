// <bullet-bar subject="3">: an instrument's largest deviation against its threshold.

import { instrumentState, subscribe } from "../live/store.js";

class BulletBar extends HTMLElement {
  connectedCallback() {
    const instrument = Number(this.getAttribute("subject"));
    this.end = subscribe(`instrument:${instrument}`, () => this.show(instrumentState(instrument)));
  }

  disconnectedCallback() {
    this.end();
  }

  show(latest) {
    if (!latest) return;
    const share = latest.threshold ? Math.min(1, Math.abs(latest.largest ?? 0) / latest.threshold / 3) : 0;
    this.querySelector(".value").setAttribute("width", (share * 100).toFixed(1));
    this.querySelector(".bullet").dataset.state = latest.state;
  }
}

customElements.define("bullet-bar", BulletBar);
