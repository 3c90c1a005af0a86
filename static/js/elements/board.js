// <live-board>: the table of feeds. Filters rows, opens them on a click, and asks for the table again
// when a feed ticks that it has no cell for.

import { remember, remembered } from "../preferences.js";
import { isPaused, subscribe, unknownFeeds } from "../live/store.js";

const SETTLES_MS = 1500;
const TRIES = 5;
// How often the table was fetched for a feed. It may tick before it is stored, so once is not enough;
// one that is never in it (its client is disabled) stays out.
const tries = new Map();

class LiveBoard extends HTMLElement {
  connectedCallback() {
    this.card = this.closest("#board");
    this.filter(remembered("board-filter", "all"));
    this.onClick = (event) => {
      const button = event.target.closest("[data-board-filter]");
      if (button) this.filter(button.dataset.boardFilter);
    };
    this.card.addEventListener("click", this.onClick);
    this.shown = new Set([...this.querySelectorAll("[data-feed]")].map((cell) => Number(cell.dataset.feed)));
    this.end = subscribe("quotes", () => this.look());
  }

  disconnectedCallback() {
    this.card.removeEventListener("click", this.onClick);
    clearTimeout(this.timer);
    this.end();
  }

  filter(name) {
    remember("board-filter", name === "all" ? null : name);
    this.querySelector(".board")?.setAttribute("data-filter", name); // there is no table before the first feed
    for (const button of this.card.querySelectorAll("[data-board-filter]")) {
      button.setAttribute("aria-pressed", String(button.dataset.boardFilter === name));
    }
  }

  /** New feeds come in swarms, when a terminal connects: wait until it is quiet, then fetch once. */
  look() {
    if (this.timer || isPaused()) return;
    const unknown = unknownFeeds(this.shown).filter((feed) => (tries.get(feed) ?? 0) < TRIES);
    if (!unknown.length) return;
    this.timer = setTimeout(() => {
      this.timer = 0;
      if (isPaused()) return; // going on looks again
      for (const feed of unknownFeeds(this.shown)) tries.set(feed, (tries.get(feed) ?? 0) + 1);
      this.card.dispatchEvent(new CustomEvent("board:refresh"));
    }, SETTLES_MS);
  }
}

customElements.define("live-board", LiveBoard);
