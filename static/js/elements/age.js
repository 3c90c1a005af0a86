// <time-age at="1700000000000">: how long ago, each second; with `lasting`, for how long.

import { ageText, lastingText } from "../format.js";
import { bridgeNow, eachSecond } from "../live/clock.js";

class TimeAge extends HTMLElement {
  connectedCallback() {
    this.end = eachSecond(() => this.show());
  }

  disconnectedCallback() {
    this.end();
  }

  show() {
    const at = Number(this.getAttribute("at"));
    const seconds = (bridgeNow() - at) / 1000;
    const text = this.hasAttribute("lasting") ? lastingText(seconds) : ageText(seconds, at);
    if (this.textContent !== text) this.textContent = text;
  }
}

customElements.define("time-age", TimeAge);
