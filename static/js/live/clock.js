// The bridge's clock as seen from here. Frames carry it; the one that travelled fastest is nearest.

const WINDOW = 120;
const offsets = [];
let offset = 0;

export function heardAt(serverMs) {
  offsets.push(serverMs - Date.now());
  if (offsets.length > WINDOW) offsets.shift();
  offset = Math.max(...offsets);
}

export function bridgeNow() {
  return Date.now() + offset;
}

const listeners = new Set();

/** Calls back each second, on the bridge's full second. Returns what ends it. */
export function eachSecond(listener) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

function tick() {
  const now = bridgeNow();
  for (const listener of listeners) listener(now);
  setTimeout(tick, 1000 - (bridgeNow() % 1000) + 5);
}

tick();
