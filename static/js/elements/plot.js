// <time-plot points="[[ms, value, ...], ...]">: values over time with a scale, drawn to its own width.
// `limit` is a dashed line, `unit` stands beside the scale, `moments` = [{at, label}] are upright lines,
// `source` = "figure:ack_p50_ms,ack_p99_ms" goes on live every five seconds.

import { compact, utcTime } from "../format.js";
import { eachSecond } from "../live/clock.js";
import { total } from "../live/figures.js";

const HEIGHT = 160;
const LEFT = 44;
const RIGHT = 8;
const TOP = 18;
const BOTTOM = 20;
const EVERY_S = 5;

class TimePlot extends HTMLElement {
  connectedCallback() {
    this.points = JSON.parse(this.getAttribute("points") ?? "[]");
    this.moments = JSON.parse(this.getAttribute("moments") ?? "[]");
    this.limit = this.hasAttribute("limit") ? Number(this.getAttribute("limit")) : null;
    this.observer = new ResizeObserver(() => this.draw());
    this.observer.observe(this);
    this.addEventListener("pointermove", (event) => this.point(event.offsetX));
    this.addEventListener("pointerleave", () => this.point(null));
    const [kind, names] = (this.getAttribute("source") ?? "").split(":");
    if (kind === "figure") this.end = eachSecond((now) => this.take(now, names.split(",")));
  }

  disconnectedCallback() {
    this.observer.disconnect();
    this.end?.();
  }

  take(now, names) {
    if (Math.floor(now / 1000) % EVERY_S !== 0) return;
    const values = names.map((name) => total(name));
    const oldest = now - Number(this.getAttribute("span-ms"));
    this.points = this.points.filter(([at]) => at >= oldest);
    this.points.push([Math.floor(now), ...values]);
    this.draw();
  }

  draw() {
    const width = this.clientWidth;
    if (!width) return;
    const svg = node("svg", { class: "time-plot", viewBox: `0 0 ${width} ${HEIGHT}`, role: "img" });
    svg.setAttribute("aria-label", this.getAttribute("label") ?? "");
    if (this.dataset.state) svg.dataset.state = this.dataset.state;
    if (this.points.length > 1) this.fill(svg, width);
    else svg.append(text("No values yet.", { x: LEFT, y: HEIGHT / 2 }));
    this.replaceChildren(svg);
  }

  fill(svg, width) {
    const scale = this.scale(width);
    this.drawGrid(svg, width, scale);
    const series = this.points[0].length - 1;
    for (let index = series; index >= 1; index -= 1) {
      for (const run of runs(this.points, index)) {
        const path = run.map((point) => `${scale.x(point[0]).toFixed(1)},${scale.y(point[index]).toFixed(1)}`).join(" ");
        if (index === 1) {
          const from = scale.x(run[0][0]).toFixed(1);
          const to = scale.x(run.at(-1)[0]).toFixed(1);
          svg.append(node("polygon", { class: "area", points: `${from},${scale.y(scale.zero)} ${path} ${to},${scale.y(scale.zero)}` }));
        }
        svg.append(node("polyline", { class: index === 1 ? "series" : "series second", points: path }));
      }
    }
    for (const { at, label } of this.moments) this.drawMoment(svg, scale.x(at), label, width);
    this.cursor = node("line", { class: "cursor", y1: TOP, y2: HEIGHT - BOTTOM, visibility: "hidden" });
    this.readout = text("", { class: "moment-label", y: 11, "text-anchor": "end", x: width - RIGHT });
    svg.append(this.cursor, this.readout);
    this.x = scale.x;
  }

  scale(width) {
    const values = this.points.flatMap((point) => point.slice(1)).filter((value) => value !== null);
    const low = Math.min(0, ...values);
    const high = nice(Math.max(...values, this.limit ?? 0, low + 1e-9));
    const first = this.points[0][0];
    const last = this.points.at(-1)[0];
    return {
      low,
      high,
      first,
      last,
      zero: Math.max(0, low),
      x: (ms) => LEFT + ((ms - first) / Math.max(1, last - first)) * (width - LEFT - RIGHT),
      y: (value) => HEIGHT - BOTTOM - ((value - low) / (high - low)) * (HEIGHT - TOP - BOTTOM),
    };
  }

  drawGrid(svg, width, { low, high, first, last, y, x }) {
    const unit = this.getAttribute("unit") ?? "";
    for (const share of [0, 0.5, 1]) {
      const value = low + (high - low) * share;
      svg.append(node("line", { class: "grid", x1: LEFT, x2: width - RIGHT, y1: y(value), y2: y(value) }));
      svg.append(text(compact(value), { x: LEFT - 8, y: y(value) + 4, "text-anchor": "end" }));
    }
    svg.append(text(unit, { x: LEFT, y: 11 }));
    svg.append(text(utcTime(first), { x: LEFT, y: HEIGHT - 4 }));
    svg.append(text(utcTime(last), { x: x(last), y: HEIGHT - 4, "text-anchor": "end" }));
    if (this.limit !== null) svg.append(node("line", { class: "limit", x1: LEFT, x2: width - RIGHT, y1: y(this.limit), y2: y(this.limit) }));
  }

  drawMoment(svg, x, label, width) {
    svg.append(node("line", { class: "moment", x1: x, x2: x, y1: TOP, y2: HEIGHT - BOTTOM }));
    const anchor = x > width - 80 ? "end" : "start";
    svg.append(text(label, { class: "moment-label", x: anchor === "end" ? x - 4 : x + 4, y: TOP + 10, "text-anchor": anchor }));
  }

  point(offsetX) {
    if (!this.cursor) return;
    this.cursor.setAttribute("visibility", offsetX === null ? "hidden" : "visible");
    this.readout.textContent = "";
    if (offsetX === null) return;
    const nearest = this.points.reduce((best, point) =>
      Math.abs(this.x(point[0]) - offsetX) < Math.abs(this.x(best[0]) - offsetX) ? point : best,
    );
    const x = this.x(nearest[0]);
    this.cursor.setAttribute("x1", x);
    this.cursor.setAttribute("x2", x);
    const values = nearest.slice(1).map(compact).join(" / ");
    this.readout.textContent = `${utcTime(nearest[0])}  ${values} ${this.getAttribute("unit") ?? ""}`;
  }
}

/** Stretches of points that have a value at `index`. */
function runs(points, index) {
  const found = [[]];
  for (const point of points) {
    if (point[index] === null) found.push([]);
    else found.at(-1).push(point);
  }
  return found.filter((run) => run.length > 1);
}

/** The next of 1, 2, 5 times a power of ten: a scale that people can halve in their heads. */
function nice(value) {
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 5, 10].find((step) => value <= step * power) * power;
}

function node(name, attributes) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  return element;
}

function text(content, attributes) {
  const element = node("text", attributes);
  element.textContent = content;
  return element;
}

customElements.define("time-plot", TimePlot);
