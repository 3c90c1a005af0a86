// Figures of the whole bridge, out of those of its processes.

import { feedStates, processes, screenDelays } from "./store.js";

const isGateway = (name) => name.startsWith("gateway");
const isWorker = (name) => name.startsWith("worker.");
// worker.events handles what is not a tick; it may lag, but it stores no ticks.
const isShard = (name) => /^worker\.\d+$/.test(name);
const isWeb = (name) => name.startsWith("web");
const KINDS = { gateway: isGateway, worker: isShard, web: isWeb };
const HEARD_WITHIN_MS = 5000;

/** name -> [which processes, which of their figures, how they come together] */
const TOTALS = {
  ticks_per_s: [isGateway, "ticks_per_s", "sum"],
  sessions: [isGateway, "sessions", "sum"],
  unjournalled: [isGateway, "pending", "sum"],
  ack_p50_ms: [isGateway, "ack_p50_ms", "max"],
  ack_p99_ms: [isGateway, "ack_p99_ms", "max"],
  stored_per_s: [isShard, "ticks_per_s", "sum"],
  lag_ms: [isWorker, "lag_ms", "max"],
  pending: [isWorker, "pending", "sum"],
  unreadable: [isWeb, "unreadable", "sum"],
  browsers: [isWeb, "browsers", "sum"],
  frames_per_s: [isWeb, "frames_per_s", "sum"],
  dropped: [isWeb, "dropped", "sum"],
  behind: [isWeb, "behind", "sum"],
};

/** A number, or null when no process has said it. */
export function total(name) {
  if (name.startsWith("feeds_")) return countFeeds(name.slice("feeds_".length));
  if (name.startsWith("screen_")) return screenDelay(name === "screen_p50_ms" ? 0.5 : 0.99);
  const [belongs, figure, how] = TOTALS[name];
  const values = [];
  for (const [process, { figures }] of processes()) {
    const value = figures[figure];
    if (belongs(process) && typeof value === "number") values.push(value);
  }
  if (!values.length) return null;
  return how === "max" ? Math.max(...values) : values.reduce((sum, value) => sum + value, 0);
}

function screenDelay(share) {
  const sorted = [...screenDelays()].sort((a, b) => a - b);
  return sorted.length ? Math.max(0, sorted[Math.floor((sorted.length - 1) * share)]) : null;
}

/** True when a process of this kind has published within the last seconds. */
export function isHeard(kind, nowMs) {
  return [...processes()].some(([process, { atMs }]) => KINDS[kind](process) && nowMs - atMs < HEARD_WITHIN_MS);
}

/** True when any process of this kind says so. */
export function says(kind, figure) {
  return [...processes()].some(([process, { figures }]) => KINDS[kind](process) && figures[figure] === true);
}

function countFeeds(state) {
  const states = feedStates();
  return states.length ? states.filter((feed) => feed.state === state).length : null;
}
