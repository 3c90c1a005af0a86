// <live-total name="ticks_per_s">: a figure of the whole bridge. Repainted at most once a second.

import { compact, grouped } from "../format.js";
import { eachSecond } from "../live/clock.js";
import { total } from "../live/figures.js";
import { isPaused } from "../live/store.js";

class LiveTotal extends HTMLElement {
  connectedCallback() {
    this.end = eachSecond(() => this.show());
  }

  disconnectedCallback() {
    this.end();
  }

  show() {
    if (isPaused()) return;
    const name = this.getAttribute("name");
    const value = total(name);
    if (value === null) return;
    const text = this.hasAttribute("whole") ? grouped(value) : compact(value);
    if (this.textContent !== text) this.textContent = text;
    this.toggleAttribute("data-zero", value === 0);
  }
}

customElements.define("live-total", LiveTotal);
