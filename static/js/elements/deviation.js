// <deviation-plot plot="{...}">: how far a feed was off the others over an episode. Its JSON:
// {unit, limit, points: [[ms, value]], bands: [[from, to]], moments: [{at, label}]}. An attribute, since
// htmx takes every script element, data too, out of what it fetches again.
// Signed values around zero, the threshold on both sides, the excursions as bands behind.

import { compact, signed, utcTime } from "../format.js";

const HEIGHT = 220;
const LEFT = 48;
const RIGHT = 10;
const TOP = 30;
const BOTTOM = 22;
const HOLE_STEPS = 3; // so many steps without a point leave a hole

class DeviationPlot extends HTMLElement {
  connectedCallback() {
    this.observer = new ResizeObserver(() => this.draw());
    this.observer.observe(this);
    this.addEventListener("pointermove", this.point);
    this.addEventListener("pointerleave", this.point);
  }

  disconnectedCallback() {
    this.observer.disconnect();
  }

  draw() {
    if (!this.clientWidth) return;
    const width = this.clientWidth;
    const data = JSON.parse(this.getAttribute("plot"));
    const scale = scaleOf(data, width);
    const svg = node("svg", { class: "time-plot deviation", viewBox: `0 0 ${width} ${HEIGHT}`, role: "img" });
    svg.setAttribute("aria-label", this.getAttribute("label") ?? "");
    svg.dataset.state = this.getAttribute("state") ?? "";
    drawBands(svg, data.bands, scale);
    drawGrid(svg, data, scale, width);
    for (const run of runs(data.points)) {
      svg.append(node("polyline", { class: "series", points: run.map(([at, value]) => `${scale.x(at).toFixed(1)},${scale.y(value).toFixed(1)}`).join(" ") }));
    }
    drawMoments(svg, data.moments, scale, width);
    this.cursor = node("line", { class: "cursor", y1: TOP, y2: HEIGHT - BOTTOM, visibility: "hidden" });
    this.readout = text("", { class: "moment-label", y: 11, "text-anchor": "end", x: width - RIGHT });
    svg.append(this.cursor, this.readout);
    Object.assign(this, { data, scale });
    this.replaceChildren(svg);
  }

  point(event) {
    if (!this.cursor || !this.data.points.length) return;
    const inside = event.type === "pointermove";
    this.cursor.setAttribute("visibility", inside ? "visible" : "hidden");
    this.readout.textContent = "";
    if (!inside) return;
    const { x } = this.scale;
    const off = (point) => Math.abs(x(point[0]) - event.offsetX);
    const nearest = this.data.points.reduce((best, point) => (off(point) < off(best) ? point : best));
    this.cursor.setAttribute("x1", x(nearest[0]));
    this.cursor.setAttribute("x2", x(nearest[0]));
    this.readout.textContent = `${utcTime(nearest[0])}  ${signed(nearest[1], 2)} ${this.data.unit}`;
  }
}

/** As high above zero as below when values lie on both sides; the threshold is always in sight. */
function scaleOf({ points, limit, moments }, width) {
  const values = points.map(([, value]) => value);
  const reach = Math.max(limit ?? 0, ...values.map(Math.abs), 1e-9) * 1.15;
  const high = values.some((value) => value > 0) || !values.length ? reach : (limit ?? 0) * 1.4;
  const low = values.some((value) => value < 0) ? -reach : -(limit ?? 0) * 1.4;
  const times = [...points.map(([at]) => at), ...moments.map(({ at }) => at)];
  const first = Math.min(...times);
  const last = Math.max(...times);
  return {
    first,
    last,
    x: (at) => LEFT + (Math.min(Math.max(at - first, 0), last - first) / Math.max(1, last - first)) * (width - LEFT - RIGHT),
    y: (value) => HEIGHT - BOTTOM - ((Math.min(Math.max(value, low), high) - low) / (high - low || 1)) * (HEIGHT - TOP - BOTTOM),
  };
}

function drawBands(svg, bands, { x }) {
  for (const [from, to] of bands) {
    const width = Math.max(2, x(to) - x(from));
    svg.append(node("rect", { class: "band", x: x(from), y: TOP, width, height: HEIGHT - TOP - BOTTOM }));
  }
}

function drawGrid(svg, { limit, unit }, { x, y, first, last }, width) {
  const line = (kind, value) => svg.append(node("line", { class: kind, x1: LEFT, x2: width - RIGHT, y1: y(value), y2: y(value) }));
  const label = (value, words) => svg.append(text(words, { x: LEFT - 8, y: y(value) + 4, "text-anchor": "end" }));
  line("grid", 0);
  label(0, "0");
  for (const value of limit ? [limit, -limit] : []) {
    line("limit", value);
    label(value, `${value < 0 ? "\u2212" : "+"}${compact(Math.abs(value))}`);
  }
  svg.append(text(unit, { x: LEFT - 8, y: 11, "text-anchor": "end" }));
  svg.append(text(utcTime(first), { x: LEFT, y: HEIGHT - 5 }));
  svg.append(text(`${utcTime(last)} UTC`, { x: x(last), y: HEIGHT - 5, "text-anchor": "end" }));
}

/** Labels that would stand in one another's way share the two lines above the plot. */
function drawMoments(svg, moments, { x }, width) {
  let taken = -Infinity;
  for (const { at, label } of moments) {
    const left = x(at);
    const atEnd = left > width - 90;
    const crowded = left - taken < 84;
    svg.append(node("line", { class: "moment", x1: left, x2: left, y1: TOP - (crowded ? 4 : 16), y2: HEIGHT - BOTTOM }));
    svg.append(text(label, { class: "moment-label", x: atEnd ? left - 4 : left + 4, y: crowded ? TOP + 10 : TOP - 6, "text-anchor": atEnd ? "end" : "start" }));
    taken = left;
  }
}

/** Stretches of points without a hole, by the usual distance between two. */
function runs(points) {
  const steps = points.slice(1).map(([at], index) => at - points[index][0]).sort((a, b) => a - b);
  const usual = steps[Math.floor(steps.length / 2)] ?? 1000;
  const found = [[]];
  points.forEach((point, index) => {
    if (index && point[0] - points[index - 1][0] > HOLE_STEPS * usual) found.push([]);
    found.at(-1).push(point);
  });
  return found.map((run) => (run.length === 1 ? [run[0], [run[0][0] + usual, run[0][1]]] : run)).filter((run) => run.length);
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

customElements.define("deviation-plot", DeviationPlot);
