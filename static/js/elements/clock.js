// <utc-clock>: the bridge's time, and how far behind its data are.

import { compact, utcTime } from "../format.js";
import { eachSecond } from "../live/clock.js";
import { total } from "../live/figures.js";
import { linkState } from "../live/store.js";

const WORDS = { connecting: "connecting", lost: "link lost", upstream: "no data" };

class UtcClock extends HTMLElement {
  connectedCallback() {
    this.end = eachSecond((now) => this.show(now));
  }

  disconnectedCallback() {
    this.end();
  }

  show(now) {
    this.querySelector("time").textContent = utcTime(now);
    const { state } = linkState();
    this.dataset.link = state;
    const lag = total("lag_ms");
    const text = WORDS[state] ?? (lag === null ? "lag \u2013" : `lag ${compact(lag)} ms`);
    const place = this.querySelector(".lag");
    if (place.textContent !== text) place.textContent = text;
  }
}

customElements.define("utc-clock", UtcClock);
