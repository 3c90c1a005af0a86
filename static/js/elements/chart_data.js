// What the chart draws, fetched: bars from the UDF endpoint, deviations and markers from the page's own.

export const STEPS = { "1S": 1, 1: 60, 5: 300, 15: 900, 30: 1800, 60: 3600, 240: 14_400, "1D": 86_400, "1W": 604_800 };
const MOST_DEVIATIONS = 4000;

/** `count` bars before `to` (excluded), oldest first. UDF: countback wins over from. */
export async function bars(config, feed, period, { to, count, signal, from = 0 }) {
  const query = { symbol: feed.ticker, resolution: period, from, to, countback: count };
  const found = await get(config.history, query, signal);
  if (found.s === "no_data") return [];
  if (found.s !== "ok") throw new Error(found.errmsg ?? "the history endpoint refused");
  return found.t.map((time, at) => ({
    time,
    open: found.o[at],
    high: found.h[at],
    low: found.l[at],
    close: found.c[at],
  }));
}

export async function deviations(config, feed, period, { from, to, signal }) {
  const step = STEPS[period];
  const start = Math.max(from, to - step * MOST_DEVIATIONS);
  const found = await get(config.deviations, { feed: feed.id, from: start, to, step }, signal);
  return found.t.map((time, at) => ({ time, value: found.v[at] }));
}

export async function markers(config, { from, to, signal }) {
  return (await get(config.markers, { from, to }, signal)).markers;
}

async function get(address, query, signal) {
  const answer = await fetch(`${address}?${new URLSearchParams(query)}`, { signal, headers: { Accept: "application/json" } });
  if (!answer.ok) throw new Error(`${answer.status} ${answer.statusText}`.trim());
  return answer.json();
}
