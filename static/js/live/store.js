// The latest of everything that came over the socket. Elements subscribe to a topic and are told once
// per animation frame, however many messages there were: `quote:<feed>`, `feed:<feed>`,
// `instrument:<id>`, `health`, `feeds` (any feed's state), `link`.

import { bridgeNow } from "./clock.js";

const DELAYS_KEPT = 1000;
// Replayed ticks say nothing of the way.
const LIVE_WITHIN_MS = 5000;
const quotes = new Map();
const feeds = new Map();
const instruments = new Map();
const health = new Map();
const topics = new Map();
const changed = new Set();
const delays = [];
let scheduled = false;
let paused = false;
let link = { state: "connecting", sinceMs: Date.now() };

export const quote = (feed) => quotes.get(feed);
export const feedState = (feed) => feeds.get(feed);
export const instrumentState = (instrument) => instruments.get(instrument);
export const feedStates = () => [...feeds.values()];
export const processes = () => health;
export const unknownFeeds = (shown) => [...quotes.keys()].filter((feed) => !shown.has(feed));
export const linkState = () => link;
/** How long ticks took from the gateway to this page, in ms, unsorted; the last thousand. */
export const screenDelays = () => delays;
export const isPaused = () => paused;

/** Called at once with what is known, then at each change. Returns what ends the subscription. */
export function subscribe(topic, listener) {
  if (!topics.has(topic)) topics.set(topic, new Set());
  topics.get(topic).add(listener);
  touch(topic);
  return () => {
    const listeners = topics.get(topic);
    listeners?.delete(listener);
    if (listeners?.size === 0) topics.delete(topic);
  };
}

export function hasListener(topic) {
  return topics.has(topic);
}

function touch(topic) {
  changed.add(topic);
  if (scheduled || paused) return;
  scheduled = true;
  requestAnimationFrame(flush);
}

function flush() {
  scheduled = false;
  if (paused) return;
  const now = [...changed];
  changed.clear();
  for (const topic of now) for (const listener of topics.get(topic) ?? []) listener();
}

/** Takes in the lists of a snapshot or delta. */
export function apply(frame) {
  for (const [id, bid, ask, eventMs, receivedMs, ticks] of frame.quotes ?? []) {
    if (frame.type === "delta") noteDelay(receivedMs);
    quotes.set(id, { bid, ask, eventMs, receivedMs, ticks });
    touch(`quote:${id}`);
    touch("quotes");
  }
  for (const [id, deviation, pips, state] of frame.feeds ?? []) {
    feeds.set(id, { deviation, pips, state });
    touch(`feed:${id}`);
    touch("feeds");
  }
  for (const [id, largest, threshold, state] of frame.instruments ?? []) {
    instruments.set(id, { largest, threshold, state });
    touch(`instrument:${id}`);
  }
  for (const [process, atMs, figures] of frame.health ?? []) {
    health.set(process, { atMs, figures });
    touch("health");
  }
}

function noteDelay(receivedMs) {
  const delay = bridgeNow() - receivedMs;
  if (delay > LIVE_WITHIN_MS) return;
  delays.push(delay);
  if (delays.length > DELAYS_KEPT) delays.shift();
}

export function setLink(state) {
  if (link.state === state) return;
  link = { state, sinceMs: Date.now() };
  for (const listener of topics.get("link") ?? []) listener();
}

/** While paused, frames are still taken in, so that going on shows the present at once. */
export function setPaused(value) {
  paused = value;
  for (const listener of topics.get("link") ?? []) listener();
  if (!paused && changed.size) {
    scheduled = true;
    requestAnimationFrame(flush);
  }
}
