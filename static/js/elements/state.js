// <live-state of="instrument" subject="3">: shape and word follow the state; the row carries it too.
// `of` may be feed, or feeds: several ids, shown as the most urgent of them.

import { feedState, instrumentState, subscribe } from "../live/store.js";

const WORDS = {
  verified: "verified",
  look: "look",
  act: "act",
  stale: "silent",
  closed: "market closed",
  alone: "no second feed",
};

// What many feeds show together: the first of these that any of them is in, as dashboard/states.py.
const URGENCY = ["act", "look", "verified", "stale", "alone", "closed"];

class LiveState extends HTMLElement {
  connectedCallback() {
    const of = this.getAttribute("of");
    const ids = this.getAttribute("subject").split(" ").map(Number);
    if (of === "feeds") this.ends = ids.map((id) => subscribe(`feed:${id}`, () => this.show(mostUrgent(ids))));
    else {
      const read = of === "feed" ? feedState : instrumentState;
      this.ends = [subscribe(`${of}:${ids[0]}`, () => this.show(read(ids[0])?.state))];
    }
  }

  disconnectedCallback() {
    for (const end of this.ends) end();
  }

  show(state) {
    const shape = this.querySelector(".shape");
    if (!state || shape.dataset.state === state) return;
    shape.dataset.state = state;
    const word = this.querySelector(".word");
    if (word) word.textContent = WORDS[state];
    const labelled = this.querySelector(".state");
    if (labelled) labelled.dataset.state = state;
    const row = this.closest("[data-state-holder]");
    if (row) row.dataset.state = state;
  }
}

function mostUrgent(ids) {
  const states = new Set(ids.map((id) => feedState(id)?.state));
  return URGENCY.find((state) => states.has(state));
}

customElements.define("live-state", LiveState);
