// <spark-line values="[..]" every="15">: fifteen minutes, written by the server and drawn on by live values.
// `source` says where those come from: `instrument:<id>` or `figure:<name>`.

import { eachSecond } from "../live/clock.js";
import { instrumentState } from "../live/store.js";
import { total } from "../live/figures.js";

const HEIGHT = 20;
const MARGIN = 2;
const LOW_IS_BAD = new Set(["feeds_verified", "ticks_per_s", "stored_per_s"]);

class SparkLine extends HTMLElement {
  connectedCallback() {
    this.values = JSON.parse(this.getAttribute("values") ?? "[]");
    this.limit = this.hasAttribute("limit") ? Number(this.getAttribute("limit")) : null;
    const every = Number(this.getAttribute("every") ?? 15);
    const [kind, name] = (this.getAttribute("source") ?? "").split(":");
    if (!kind) return;
    const read = kind === "instrument" ? () => this.readInstrument(Number(name)) : () => total(name);
    this.worse = LOW_IS_BAD.has(name) ? Math.min : Math.max;
    this.worst = null;
    this.end = eachSecond((now) => this.take(read(), Math.floor(now / 1000) % every === 0));
  }

  disconnectedCallback() {
    this.end?.();
  }

  readInstrument(id) {
    const latest = instrumentState(id);
    if (latest) this.querySelector(".spark").dataset.state = latest.state === "verified" ? "" : latest.state;
    return latest?.largest ?? null;
  }

  /** Keeps the worst of the interval, so that a short excursion is not lost between two points. */
  take(value, full) {
    if (value !== null && value !== undefined) this.worst = this.worst === null ? value : this.worse(this.worst, value);
    if (!full || !this.values.length) return;
    this.values.shift();
    this.values.push(this.worst);
    this.worst = null;
    this.draw();
  }

  draw() {
    const known = this.values.filter((value) => value !== null);
    const svg = this.querySelector(".spark");
    svg.querySelectorAll("polyline").forEach((line) => line.remove());
    if (!known.length) return;
    const low = this.limit === null ? Math.min(...known) : 0;
    const high = this.limit === null ? Math.max(...known) : Math.max(...known, this.limit);
    const height = (value) => HEIGHT - MARGIN - (high === low ? 0 : (value - low) / (high - low)) * (HEIGHT - 2 * MARGIN);
    const step = 100 / Math.max(1, this.values.length - 1);
    for (const run of runs(this.values)) {
      const line = document.createElementNS("http://www.w3.org/2000/svg", "polyline");
      line.setAttribute("points", run.map(([at, value]) => `${(at * step).toFixed(1)},${height(value).toFixed(1)}`).join(" "));
      svg.append(line);
    }
    const limit = svg.querySelector(".limit");
    if (!limit || this.limit === null) return;
    limit.setAttribute("y1", height(this.limit).toFixed(1));
    limit.setAttribute("y2", height(this.limit).toFixed(1));
  }
}

/** Stretches without a hole, as [position, value] pairs. */
function runs(values) {
  const found = [[]];
  values.forEach((value, at) => {
    if (value === null) found.push([]);
    else found.at(-1).push([at, value]);
  });
  return found.filter((run) => run.length);
}

customElements.define("spark-line", SparkLine);
