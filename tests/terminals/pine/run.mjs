// Runs a Pine script over bars as TradingView would in real time, and prints what it said.
//
// In (JSON on stdin): {script, timeframe, symbol, inputs, history: [bar], steps: [{now, bar}]}; a bar is
// {openTime, closeTime, open, high, low, close, volume}, times in ms. Each step sets the clock and the
// newest bar, and the script runs on that; before the first one it runs over the history.
// Out: {alerts: [{step, message}], fills: [{step, id, message, action, contracts, price, before, after}]}.

import fs from "node:fs";
import { Indicator, PineTS } from "pinets";
import * as coverage from "./coverage.mjs";

const reports = process.env.PINE_COVERAGE;

// The error alone; node would print the runtime's one long line of source before it.
process.on("uncaughtException", async (error) => {
  console.error(String(error));
  if (reports) await coverage.write(reports, request.script);
  process.exit(1);
});

const request = JSON.parse(fs.readFileSync(0, "utf8"));
const bars = [...request.history];
let now = 0;

function show(step) {
  const { now: moment, bar } = request.steps[step];
  now = moment;
  if (bars.at(-1).openTime === bar.openTime) bars.pop();
  bars.push(bar);
}

// The script's clock is the story's, not this machine's; and nobody waits between two steps.
const WallClock = Date;
globalThis.Date = class extends WallClock {
  constructor(...given) {
    super(...(given.length ? given : [now]));
  }

  static now() {
    return now;
  }
};
globalThis.setTimeout = (work, _delay, ...given) => setImmediate(work, ...given);

show(0);
const provider = {
  getMarketData: async (_ticker, _timeframe, _limit, from) =>
    structuredClone(bars.filter((bar) => from === undefined || bar.openTime >= from)),
  getSymbolInfo: async () => request.symbol,
};

// The runtime forgets an entry's alert_message and keeps its comment, so it is read from there.
const source = fs
  .readFileSync(request.script, "utf8")
  .replaceAll(/(strategy\.entry\(.*)alert_message = /g, "$1comment = ");

if (reports) await coverage.begin();

const pine = new PineTS(provider, request.symbol.tickerid, request.timeframe);
const script = new Indicator(source, request.inputs ?? {});
const runs = pine.run(script, undefined, bars.length);
const alerts = [];
const fills = [];
let told = 0;
let known = { closed: 0, trades: new Set(), pending: [], size: 0 };

async function next(step) {
  const { value } = await runs.next();
  if (value === null) throw new Error(`step ${step} ran nothing`);
  for (const { message } of value.alerts.slice(told)) alerts.push({ step, message });
  told = value.alerts.length;
  const strategy = value.fullContext.strategy;
  if (strategy) collectFills(strategy, step);
}

const keyOf = (trade) => `${trade.entry_id}@${trade.entry_time}`;

// TradingView alerts on each filled order. The runtime keeps no list of those: an order was filled when
// a trade names it that was not there before.
function collectFills(strategy, step) {
  const { opentrades, closedtrades } = strategy;
  for (const order of known.pending) {
    const opened = opentrades.find((t) => t.entry_id === order.id && !known.trades.has(keyOf(t)));
    const closed = closedtrades.slice(known.closed).find((t) => t.exit_id === order.id);
    if (!opened && !closed) continue;
    const after = opened ? opened.size : 0;
    fills.push({
      step,
      id: order.id,
      message: order.alert_message ?? order.comment,
      action: after - known.size > 0 ? "buy" : "sell",
      contracts: Math.abs(after - known.size),
      price: opened ? opened.entry_price : closed.exit_price,
      before: known.size,
      after,
    });
    known.size = after;
  }
  known = {
    closed: closedtrades.length,
    trades: new Set([...opentrades, ...closedtrades].map(keyOf)),
    pending: structuredClone(strategy.pending_orders),
    size: strategy.position_size,
  };
}

await next(0);
for (let step = 1; step < request.steps.length; step++) {
  show(step);
  await next(step);
}
if (reports) await coverage.write(reports, request.script);
console.log(JSON.stringify({ alerts, fills }));
