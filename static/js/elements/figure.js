// <live-figure part="bid" subject="12">: one number of a feed, kept fresh. The server wrote the first.

import { ageText, priceParts, signed } from "../format.js";
import { bridgeNow, eachSecond } from "../live/clock.js";
import { feedState, instrumentState, isPaused, quote, subscribe } from "../live/store.js";

// Verification compares no quote that is older (its default max_age), so neither does the eye.
const STALE_MS = 5000;
const TINTS_APART_MS = 1200;
const tintedAt = new WeakMap();
const WORDS = { stale: "silent", closed: "market closed", alone: "alone" };

class LiveFigure extends HTMLElement {
  connectedCallback() {
    const part = this.getAttribute("part");
    const subject = Number(this.getAttribute("subject"));
    this.ends = PARTS[part](this, subject);
  }

  disconnectedCallback() {
    for (const end of this.ends) end();
  }
}

/** The nearest cell or row that shows a change and carries the state. */
const holder = (element) => element.closest("[data-tint]");

function price(side) {
  return (element, feed) => {
    const digits = Number(element.getAttribute("digits"));
    const pipSize = Number(element.getAttribute("pip-size"));
    const [lead, pips, fraction] = element.querySelectorAll("span span, b, sup");
    const show = () => {
      const latest = quote(feed);
      if (!latest || !pips) return;
      const texts = priceParts(latest[side], digits, pipSize);
      if (lead.textContent === texts[0] && pips.textContent === texts[1] && fraction.textContent === texts[2]) return;
      [lead.textContent, pips.textContent, fraction.textContent] = texts;
      tint(holder(element));
    };
    return [subscribe(`quote:${feed}`, show)];
  };
}

/** At most once in a while per cell: a lively market would else be tinted all over, which says nothing. */
function tint(cell) {
  const now = performance.now();
  if (!cell || document.hidden || now - (tintedAt.get(cell) ?? -Infinity) < TINTS_APART_MS) return;
  tintedAt.set(cell, now);
  cell.classList.add("changed");
  requestAnimationFrame(() => requestAnimationFrame(() => cell.classList.remove("changed")));
}

function spread(element, feed) {
  const pipSize = Number(element.getAttribute("pip-size"));
  const show = () => {
    const latest = quote(feed);
    if (latest) set(element, ((latest.ask - latest.bid) / pipSize).toFixed(1));
  };
  return [subscribe(`quote:${feed}`, show)];
}

function ticks(element, feed) {
  const show = () => {
    const latest = quote(feed);
    if (latest) set(element, latest.ticks.toLocaleString("en").replaceAll(",", "\u202f"));
  };
  return [subscribe(`quote:${feed}`, show)];
}

function age(element, feed) {
  const written = Number(element.getAttribute("at"));
  const show = () => {
    if (isPaused()) return;
    const atMs = quote(feed)?.receivedMs ?? written;
    if (!atMs) return;
    const age = bridgeNow() - atMs;
    set(element, ageText(age / 1000, atMs));
    const cell = holder(element);
    if (!cell) return;
    const closed = cell.dataset.state === "closed";
    const fresh = closed ? "closed" : age > STALE_MS ? "stale" : "live";
    if (cell.dataset.fresh !== fresh) cell.dataset.fresh = fresh;
  };
  const wake = () => {
    if (holder(element)?.dataset.fresh === "stale") show();
  };
  return [eachSecond(show), subscribe(`quote:${feed}`, wake)];
}

function deviation(element, feed) {
  const show = () => {
    const latest = feedState(feed);
    if (!latest) return;
    const cell = holder(element);
    const missing = cell?.dataset.fresh === "stale" ? WORDS.stale : "\u2013";
    set(element, WORDS[latest.state] ?? (latest.pips === null ? missing : signed(latest.pips)));
    markOff(cell, latest);
    if (cell && cell.dataset.state !== latest.state) cell.dataset.state = latest.state;
  };
  return [subscribe(`feed:${feed}`, show)];
}

/** Only a price that is off is coloured: a feed may also call for its clock, or for silence. */
function markOff(cell, latest) {
  if (!cell?.dataset.instrument) return;
  const threshold = instrumentState(Number(cell.dataset.instrument))?.threshold;
  cell.toggleAttribute("data-off", isOff(latest, threshold));
}

function isOff({ state, pips }, threshold) {
  const calls = state === "look" || state === "act";
  return calls && pips !== null && Boolean(threshold) && Math.abs(pips) >= threshold;
}

/** The deviation alone, where the word of the state stands elsewhere. */
function offset(element, feed) {
  const show = () => {
    const latest = feedState(feed);
    if (!latest) return;
    set(element, latest.pips === null ? "\u2013" : signed(latest.pips));
    markOff(holder(element), latest);
  };
  return [subscribe(`feed:${feed}`, show)];
}

function largest(element, instrument) {
  const show = () => {
    const latest = instrumentState(instrument);
    if (latest) set(element, latest.largest === null ? "\u2013" : latest.largest.toFixed(1));
  };
  return [subscribe(`instrument:${instrument}`, show)];
}

function set(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

const PARTS = { bid: price("bid"), ask: price("ask"), spread, ticks, age, deviation, offset, largest };

customElements.define("live-figure", LiveFigure);
