// <price-chart config="id">: candles of one feed, the others as lines, its deviation below, what happened
// as markers. Bars come from our UDF endpoint; live quotes move the last one until it is fetched again.

import {
  BaselineSeries,
  CandlestickSeries,
  createChart,
  createSeriesMarkers,
  LineSeries,
  LineStyle,
} from "../../vendor/lightweight-charts.standalone.production.mjs";
import { signed } from "../format.js";
import { colours } from "../ui/colours.js";
import { bridgeNow, eachSecond } from "../live/clock.js";
import { feedState, quote, subscribe } from "../live/store.js";
import { bars, deviations, markers, STEPS } from "./chart_data.js";

const REFETCH_S = 15;
const LINE_STYLES = [LineStyle.Solid, LineStyle.Dashed, LineStyle.Dotted];

class PriceChart extends HTMLElement {
  connectedCallback() {
    this.config = JSON.parse(document.getElementById(this.getAttribute("config")).textContent);
    this.period = "1";
    this.ends = [
      eachSecond((now) => this.keep(now)),
      ...this.config.feeds.map((feed) => subscribe(`quote:${feed.id}`, () => this.tick(feed.id))),
    ];
    this.build();
    this.listen();
    this.load();
  }

  disconnectedCallback() {
    for (const end of this.ends) end();
    this.abort?.abort();
    this.chart.remove();
  }

  listen() {
    const tools = this.parentElement.querySelector(".chart-tools");
    const feedChoice = tools.querySelector("select");
    feedChoice.addEventListener("change", () => {
      this.config.chosen = Number(feedChoice.value);
      this.load();
    });
    tools.addEventListener("click", (event) => {
      const button = event.target.closest("[data-period]");
      if (!button) return;
      this.period = button.dataset.period;
      for (const other of tools.querySelectorAll("[data-period]")) other.setAttribute("aria-pressed", String(other === button));
      this.load();
    });
    const retheme = () => this.paint();
    const reload = () => this.showMarkers();
    document.addEventListener("themechange", retheme);
    document.body.addEventListener("fresh:alert", reload);
    document.body.addEventListener("fresh:signal", reload);
    this.ends.push(
      () => document.removeEventListener("themechange", retheme),
      () => document.body.removeEventListener("fresh:alert", reload),
      () => document.body.removeEventListener("fresh:signal", reload),
    );
  }

  build() {
    this.chart = createChart(this.querySelector(".canvas"), {
      autoSize: true,
      layout: { attributionLogo: false }, // it would write a style of its own; the link stands below
      timeScale: { timeVisible: true, secondsVisible: false, rightOffset: 4 },
      localization: { locale: "en" },
    });
    const digits = this.config.digits;
    const priceFormat = { type: "price", precision: digits, minMove: 10 ** -digits };
    this.lines = new Map(
      this.config.feeds.map((feed) => [feed.id, this.chart.addSeries(LineSeries, { priceFormat, lineWidth: 1, lastValueVisible: false, priceLineVisible: false, crosshairMarkerVisible: false })]),
    );
    this.candles = this.chart.addSeries(CandlestickSeries, { priceFormat });
    this.candleMarkers = createSeriesMarkers(this.candles, []);
    this.deviation = this.chart.addSeries(
      BaselineSeries,
      { baseValue: { type: "price", price: 0 }, lineWidth: 1, priceFormat: { type: "custom", minMove: 0.1, formatter: (value) => signed(value) }, priceLineVisible: false },
      1,
    );
    this.deviation.priceScale().applyOptions({ scaleMargins: { top: 0.18, bottom: 0.14 } });
    this.chart.panes()[0].setStretchFactor(3.4);
    this.chart.panes()[1].setStretchFactor(1);
    this.chart.subscribeCrosshairMove((event) => this.showLegend(event));
    this.chart.timeScale().subscribeVisibleLogicalRangeChange((range) => this.reach(range));
    this.paint();
  }

  /** The theme's colours. Candles are neutral (hollow up, filled down): colour means state. */
  paint() {
    const colour = colours();
    this.chart.applyOptions({
      layout: {
        background: { type: "solid", color: colour.panel },
        textColor: colour.muted,
        fontFamily: getComputedStyle(document.body).fontFamily,
        fontSize: 11,
        panes: { separatorColor: colour.line, separatorHoverColor: colour.line },
      },
      grid: { vertLines: { color: colour.lineSoft }, horzLines: { color: colour.lineSoft } },
      rightPriceScale: { borderColor: colour.line },
      timeScale: { borderColor: colour.line },
      crosshair: { vertLine: { color: colour.faint, labelBackgroundColor: colour.pressed }, horzLine: { color: colour.faint, labelBackgroundColor: colour.pressed } },
    });
    this.candles.applyOptions({
      upColor: colour.panel,
      downColor: colour.muted,
      borderUpColor: colour.text,
      borderDownColor: colour.muted,
      wickUpColor: colour.text,
      wickDownColor: colour.muted,
    });
    this.deviation.applyOptions({
      topLineColor: colour.muted,
      bottomLineColor: colour.muted,
      topFillColor1: colour.tint,
      topFillColor2: colour.tint,
      bottomFillColor1: colour.tint,
      bottomFillColor2: colour.tint,
    });
    for (const [id, series] of this.lines) series.applyOptions({ color: colour.faint, lineStyle: LINE_STYLES[this.lineOf(id)] });
    this.colour = colour;
    this.placeMarkers();
  }

  /** Which kind of line a feed has among the others: it keeps it when another is chosen. */
  lineOf(id) {
    return this.config.feeds.findIndex((feed) => feed.id === id) % LINE_STYLES.length;
  }

  get feed() {
    return this.config.feeds.find((feed) => feed.id === this.config.chosen);
  }

  /** Everything afresh: another feed or period. A load that is overtaken is dropped. */
  async load() {
    this.abort?.abort();
    this.abort = new AbortController();
    const { signal } = this.abort;
    this.last = null;
    this.reaching = true;
    this.say("Loading bars");
    try {
      const to = Math.floor(bridgeNow() / 1000) + 60;
      const found = await bars(this.config, this.feed, this.period, { to, count: 400, signal });
      if (!found.length) {
        this.clear();
        this.say(`${this.feed.name} has no bars of this period yet. They are built from its ticks as they arrive.`);
        return;
      }
      this.candles.setData(found);
      this.last = found.at(-1);
      this.first = found[0].time;
      this.bars = found;
      this.chart.applyOptions({ timeScale: { secondsVisible: this.period === "1S" } });
      this.chart.timeScale().setVisibleLogicalRange({ from: Math.max(found.length - 120, -40), to: found.length + 4 });
      await Promise.all([this.loadLines(signal), this.loadDeviations(signal), this.showMarkers(signal)]);
      this.say("");
      this.showLegend();
      this.reaching = false;
    } catch (error) {
      if (error.name !== "AbortError") this.say(`Bars could not be fetched: ${error.message}`);
    }
  }

  async loadLines(signal) {
    const others = this.config.feeds.filter((feed) => feed.id !== this.config.chosen);
    this.lines.get(this.config.chosen).setData([]);
    await Promise.all(
      others.map(async (feed) => {
        const found = await bars(this.config, feed, this.period, { to: this.last.time + 1, count: this.bars.length, from: this.first, signal });
        this.lines.get(feed.id).setData(found.filter((bar) => bar.time >= this.first).map(({ time, close }) => ({ time, value: close })));
      }),
    );
  }

  async loadDeviations(signal) {
    const found = await deviations(this.config, this.feed, this.period, { from: this.first, to: this.last.time + STEPS[this.period], signal });
    const known = new Map(found.map((point) => [point.time, point]));
    this.deviation.setData(this.bars.map(({ time }) => known.get(time) ?? { time }));
  }

  async showMarkers(signal) {
    if (!this.last) return;
    this.found = await markers(this.config, { from: this.first, to: this.last.time + 2 * STEPS[this.period], signal });
    this.placeMarkers();
  }

  placeMarkers() {
    if (!this.found || !this.bars) return;
    const step = STEPS[this.period];
    const shapes = this.found.map((marker) => ({
      time: Math.floor(marker.time / step) * step,
      id: `${marker.kind}:${marker.id}`,
      text: marker.kind === "signal" ? marker.label : "",
      ...(marker.kind === "alert"
        ? { position: "aboveBar", shape: marker.state === "act" ? "arrowDown" : "square", color: this.colour[marker.state] }
        : { position: "belowBar", shape: marker.action === "SELL" ? "arrowDown" : "arrowUp", color: this.colour.signal }),
    }));
    this.candleMarkers.setMarkers(shapes);
  }

  /** A live quote moves the last candle, or begins the next. */
  tick(id) {
    const latest = quote(id);
    if (!this.last || !latest) return;
    const step = STEPS[this.period];
    if (step > STEPS["1D"]) return; // weeks begin on a day that only the store knows
    const time = Math.floor(latest.eventMs / 1000 / step) * step;
    const mid = (latest.bid + latest.ask) / 2;
    if (time < this.last.time) return;
    if (id !== this.config.chosen) {
      this.lines.get(id).update({ time: Math.min(time, this.last.time), value: mid }, true);
      return;
    }
    this.last =
      time === this.last.time
        ? { ...this.last, high: Math.max(this.last.high, mid), low: Math.min(this.last.low, mid), close: mid }
        : { time, open: mid, high: mid, low: mid, close: mid };
    this.candles.update(this.last);
    const pips = feedState(id)?.pips;
    if (pips !== null && pips !== undefined) this.deviation.update({ time: this.last.time, value: pips });
    this.showLegend();
  }

  /** Quotes are conflated, so the truth about the last bars is fetched now and then. */
  async keep(now) {
    if (!this.last || document.hidden || Math.floor(now / 1000) % REFETCH_S !== 0) return;
    const { signal } = this.abort;
    try {
      const found = await bars(this.config, this.feed, this.period, { to: Math.floor(now / 1000) + 60, count: 3, signal });
      for (const bar of found) this.candles.update(bar, true);
      if (found.length && found.at(-1).time >= this.last.time) this.last = found.at(-1);
    } catch (error) {
      if (error.name !== "AbortError") return; // the next one may succeed; the link's own note says why
    }
  }

  /** Scrolled to the left end: fetch what is older and put it before. */
  async reach(range) {
    if (!range || range.from > 20 || this.reaching || !this.bars) return;
    this.reaching = true;
    const { signal } = this.abort;
    try {
      const older = await bars(this.config, this.feed, this.period, { to: this.first, count: 400, signal });
      if (!older.length) return; // nothing older exists, so it stays marked as reached
      this.bars = [...older, ...this.bars];
      this.first = older[0].time;
      this.candles.setData([...this.bars.slice(0, -1), this.last]);
      await Promise.all([this.loadLines(signal), this.loadDeviations(signal), this.showMarkers(signal)]);
      this.reaching = false;
    } catch (error) {
      if (error.name !== "AbortError") this.reaching = false;
    }
  }

  showLegend(event) {
    const bar = event?.seriesData?.get(this.candles) ?? this.last;
    if (!bar || bar.open === undefined) return;
    const digits = this.config.digits;
    const parts = ["open", "high", "low", "close"].map((name) => [name[0].toUpperCase(), bar[name].toFixed(digits)]);
    const hovered = this.found?.find((marker) => `${marker.kind}:${marker.id}` === event?.hoveredObjectId);
    if (hovered) parts.push([hovered.text, ""]);
    const others = this.config.feeds.filter((feed) => feed.id !== this.config.chosen);
    this.querySelector(".legend").replaceChildren(
      ...[[this.feed.name, ""], ...parts].map(([name, value]) => legendPart(name, value)),
      ...others.map((feed) => legendPart(feed.name, "", this.lineOf(feed.id))),
    );
  }

  clear() {
    this.candles.setData([]);
    this.deviation.setData([]);
    this.candleMarkers.setMarkers([]);
    for (const series of this.lines.values()) series.setData([]);
  }

  say(text) {
    const message = this.querySelector(".message");
    message.hidden = text === "";
    message.querySelector("p").textContent = text;
  }
}

/** A name with a figure behind it, or with the sample of a line before it. */
function legendPart(name, value, line = null) {
  const part = document.createElement("span");
  part.textContent = name;
  if (line !== null) {
    const sample = document.createElement("i");
    sample.dataset.line = line;
    part.prepend(sample);
  }
  if (value) {
    const figure = document.createElement("b");
    figure.className = "figure";
    figure.textContent = value;
    part.append(figure);
  }
  return part;
}

customElements.define("price-chart", PriceChart);
