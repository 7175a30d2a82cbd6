// The combined chart: loss on the left axis, accuracy on the right, the learning rate below, one cursor for both.
import uPlot from "../vendor/uplot.js";
import { all, colour, el, figure, find, onTheme, request } from "./dom.js";
import { SeriesSet, family, title } from "./series.js";

const RATE_HEIGHT = 110;
const TABLE_ROWS = 200;
const AXES = { epoch: "Epoch", step: "Step", time: "Minutes" };
const DASHES = [[], [6, 4], [2, 3], [8, 3, 2, 3]];

class Chart {
  constructor(part) {
    this.part = part;
    this.set = new SeriesSet();
    this.axis = "epoch";
    this.smoothing = 0;
    this.log = false;
    this.hidden = new Set();
    this.plots = [];
    this.filled = false;
    this.zoom = null;
  }

  async load() {
    this.set.load(await request(this.part.dataset.url));
    this.draw();
  }

  /** Colour by place in the list; training and validation of one measure differ by colour, later ones by dashes. */
  look(name) {
    if (family(name) === "rate") return { stroke: colour("--series-4"), dash: [] };
    const index = this.set.names.filter((other) => family(other) !== "rate").indexOf(name);
    const hues = [1, 2, 3, 5, 6, 8];
    return { stroke: colour(`--series-${hues[index % hues.length]}`), dash: DASHES[Math.floor(index / hues.length) % DASHES.length] };
  }

  draw() {
    for (const plot of this.plots) plot.destroy();
    this.plots = [];
    const empty = this.set.empty;
    find(".chart-empty", this.part).hidden = !empty;
    find('[data-x="time"]', this.part).disabled = !this.set.timed;
    if (empty) return;
    const names = this.set.names;
    this.main = names.filter((name) => family(name) !== "rate" && !this.hidden.has(name));
    this.rate = names.filter((name) => family(name) === "rate" && !this.hidden.has(name));
    const height = this.filled ? Math.max(260, innerHeight - 330) : Number(this.part.dataset.height);
    if (this.main.length) this.plot(find(".chart-main", this.part), this.main, height, !this.rate.length);
    if (this.rate.length) this.plot(find(".chart-rate", this.part), this.rate, RATE_HEIGHT, true);
    if (this.zoom) for (const plot of this.plots) plot.setScale("x", this.zoom);
    this.legend();
    this.table();
    this.summary();
  }

  data(names) {
    return uPlot.join(this.set.columns(names, this.axis, this.smoothing).map(([x, y]) => [x, y]));
  }

  plot(target, names, height, labelled) {
    const text = colour("--text-faint");
    const grid = { stroke: colour("--line"), width: 1 };
    const font = `11px ${getComputedStyle(document.body).fontFamily}`;
    const axis = { stroke: text, grid, ticks: { show: false }, font, gap: 6 };
    const has = (kind) => names.some((name) => family(name) === kind);
    const distribution = this.log ? { distr: 3 } : {};
    const room = 52;
    const axes = [{ ...axis, ...(labelled ? { label: AXES[this.axis], labelSize: 16, labelFont: font, size: 26 } : { values: (u, ticks) => ticks.map(() => ""), size: 8 }) }];
    const own = (kind, side) => ({ ...axis, scale: kind, side, size: room, grid: side === 3 ? { ...grid, filter: (u, ticks) => (this.log && kind !== "share" ? ticks.map((tick) => (decade(tick) ? tick : null)) : ticks) } : { show: false }, values: (u, ticks) => ticks.map((tick) => (tick === null ? "" : kind === "share" ? `${+(tick * 100).toPrecision(4)} %` : figure(tick))) });
    if (has("loss")) axes.push(own("loss", 3));
    if (has("rate")) axes.push(own("rate", 3));
    if (has("share")) axes.push(own("share", has("loss") ? 1 : 3));
    const scales = { x: { time: false }, loss: { ...distribution }, rate: { ...distribution }, share: { range: (u, low, high) => shareRange(low, high) } };
    const plot = new uPlot({
      width: target.clientWidth || 600, height,
      padding: [10, has("share") && has("loss") ? 0 : room, 0, has("loss") || has("rate") || has("share") ? 0 : room],
      legend: { show: false },
      cursor: { sync: { key: `chart-${this.part.dataset.job}` }, drag: { x: true, y: false }, points: { size: 7 } },
      scales, axes,
      series: [{}, ...names.map((name) => {
        const { stroke, dash } = this.look(name);
        return { scale: family(name), paths: family(name) === "rate" ? uPlot.paths.stepped({ align: 1 }) : undefined, stroke, dash, width: 1.75, points: { show: (u, index) => (family(name) !== "rate" || u.data[0].length < 2) && u.data[index].filter((v) => v !== null && v !== undefined).length < 40, size: 5, fill: stroke }, label: title(name) };
      })],
      hooks: {
        setCursor: [(u) => this.point(u)],
        setSelect: [(u) => { if (u.select.width > 0) { this.zoom = { min: u.posToVal(u.select.left, "x"), max: u.posToVal(u.select.left + u.select.width, "x") }; for (const other of this.plots) if (other !== u) other.setScale("x", this.zoom); } }],
      },
    }, this.data(names), target);
    plot.over.addEventListener("dblclick", () => this.reset());
    this.plots.push(plot);
  }

  /** The legend shows the values under the cursor, or the last ones. */
  point(u) {
    const at = u.cursor.idx;
    const x = at === null || at === undefined ? null : u.data[0][at];
    for (const button of all("[data-series]", this.part)) {
      find("strong", button).textContent = this.value(button.dataset.series, x);
    }
    find(".at", this.part).textContent = x === null ? "" : `${AXES[this.axis].toLowerCase()} ${figure(x)}`;
  }

  value(name, x) {
    const points = this.set.all.get(name);
    let found = points.at(-1);
    if (x !== null) {
      const place = (point) => (this.axis === "time" ? x : point[this.axis]);
      found = points.findLast((point) => place(point) <= x + 1e-9) ?? points[0];
    }
    if (!found) return "–";
    return family(name) === "share" && found.value !== null && found.value <= 1 ? `${(found.value * 100).toFixed(2)} %` : figure(found.value);
  }

  legend() {
    const box = find(".chart-legend", this.part);
    const had = document.activeElement?.dataset?.series;
    box.replaceChildren(...this.set.names.map((name) => {
      const { stroke, dash } = this.look(name);
      const line = el("line", { x1: 0, x2: 18, y1: 4, y2: 4, stroke, "stroke-width": 2.5, "stroke-dasharray": dash.join(" ") });
      return el("button", { type: "button", "data-series": name, "aria-pressed": String(!this.hidden.has(name)), onclick: () => this.toggle(name) },
        el("svg", { viewBox: "0 0 18 8", "aria-hidden": "true" }, line), el("span", { text: title(name) }), el("strong", { text: this.value(name, null) }));
    }), el("span", { class: "at small faint" }));
    if (had) find(`[data-series="${CSS.escape(had)}"]`, box)?.focus();
  }

  toggle(name) {
    if (this.hidden.has(name)) this.hidden.delete(name);
    else this.hidden.add(name);
    this.draw();
  }

  summary() {
    const parts = this.set.names.filter((name) => family(name) !== "rate").map((name) => {
      const values = this.set.all.get(name).filter((point) => point.value !== null);
      if (!values.length) return `${title(name)}: no finite value`;
      const better = family(name) === "share" ? (a, b) => (b.value > a.value ? b : a) : (a, b) => (b.value < a.value ? b : a);
      const best = values.reduce(better);
      return `${title(name)} ${this.value(name, null)}, best ${family(name) === "share" && best.value <= 1 ? `${(best.value * 100).toFixed(2)} %` : figure(best.value)} at epoch ${figure(best.epoch)}`;
    });
    find(".chart-summary", this.part).textContent = parts.join(" · ");
  }

  table() {
    const place = find(".chart-table div", this.part);
    if (!place.closest("details").open) return;
    const names = this.set.names;
    const rows = new Map();
    for (const name of names) for (const point of this.set.all.get(name)) rows.set(point.step, { ...(rows.get(point.step) ?? { epoch: point.epoch }), [name]: point.value });
    const lines = [...rows].sort((a, b) => b[0] - a[0]).slice(0, TABLE_ROWS);
    place.replaceChildren(el("table", { class: "table" },
      el("thead", {}, el("tr", {}, ...["Step", "Epoch", ...names.map(title)].map((text) => el("th", { scope: "col", class: "num", text })))),
      el("tbody", {}, ...lines.map(([step, row]) => el("tr", {}, ...[step, row.epoch, ...names.map((name) => row[name])].map((value) => el("td", { class: "num", text: value === undefined ? "" : figure(value) })))))));
  }

  redrawData() {
    this.plots.forEach((plot) => {
      const names = plot.series.slice(1).length === this.main.length && plot === this.plots[0] && this.main.length ? this.main : this.rate;
      plot.setData(this.data(names), this.zoom === null);
    });
    for (const button of all("[data-series]", this.part)) find("strong", button).textContent = this.value(button.dataset.series, null);
    this.table();
    this.summary();
  }

  append(points) {
    const before = this.set.names.length;
    if (!this.set.append(points)) return;
    if (!this.plots.length || this.set.names.length !== before) this.draw();
    else if (!this.pending) {
      this.pending = requestAnimationFrame(() => { this.pending = 0; this.redrawData(); });
    }
  }

  reset() {
    this.zoom = null;
    this.draw();
  }

  /** Narrow or widen the view around its middle. */
  scale(factor) {
    const plot = this.plots[0];
    if (!plot) return;
    const { min, max } = plot.scales.x;
    const middle = (min + max) / 2;
    const half = ((max - min) / 2) * factor;
    this.zoom = { min: middle - half, max: middle + half };
    for (const each of this.plots) each.setScale("x", this.zoom);
  }

  move(step) {
    const plot = this.plots[0];
    if (!plot) return;
    const last = plot.data[0].length - 1;
    const index = Math.min(last, Math.max(0, (plot.cursor.idx ?? last + 1) + step));
    plot.setCursor({ left: plot.valToPos(plot.data[0][index], "x"), top: plot.bbox.height / devicePixelRatio / 2 });
  }

  fill(on) {
    this.filled = on;
    this.part.classList.toggle("filled", on);
    find("[data-fill]", this.part).setAttribute("aria-pressed", String(on));
    this.draw();
  }

  save() {
    const link = el("a", { href: URL.createObjectURL(new Blob([this.set.csv()], { type: "text/csv" })), download: `${this.part.dataset.name.replace(/[^\w .-]+/g, "_").slice(0, 80)}.csv` });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  }
}

const decade = (value) => Math.abs(Math.log10(value) - Math.round(Math.log10(value))) < 1e-6;

/** Accuracy is drawn over the part of 0 to 1 that matters, never beyond. */
function shareRange(low, high) {
  if (low === null || high === null) return [0, 1];
  if (high > 1) return [Math.min(0, low), high * 1.02];
  const room = Math.max(0.02, (high - low) * 0.08);
  return [Math.max(0, low - room), Math.min(1.005, high + room)];
}

function listen(chart, part) {
  for (const button of all("[data-x]", part)) {
    button.addEventListener("click", () => {
      chart.axis = button.dataset.x;
      chart.zoom = null;
      for (const other of all("[data-x]", part)) other.setAttribute("aria-pressed", String(other === button));
      chart.draw();
    });
  }
  const smooth = find("[data-smooth]", part);
  smooth.addEventListener("input", () => {
    chart.smoothing = Number(smooth.value);
    find("[data-smooth-value]", part).textContent = smooth.value;
    chart.draw();
  });
  const log = find("[data-log]", part);
  log.addEventListener("click", () => {
    chart.log = !chart.log;
    log.setAttribute("aria-pressed", String(chart.log));
    chart.draw();
  });
  find("[data-reset]", part).addEventListener("click", () => chart.reset());
  find("[data-csv]", part).addEventListener("click", () => chart.save());
  find("[data-fill]", part).addEventListener("click", () => chart.fill(!chart.filled));
  find(".chart-table", part).addEventListener("toggle", () => chart.table());
  part.addEventListener("keydown", (event) => {
    if (event.target.matches("input") || event.ctrlKey || event.metaKey || event.altKey) return;
    const keys = {
      ArrowLeft: () => chart.move(-1), ArrowRight: () => chart.move(1), "+": () => chart.scale(0.6), "-": () => chart.scale(1 / 0.6),
      0: () => chart.reset(), l: () => log.click(), s: () => smooth.focus(), f: () => chart.fill(!chart.filled),
    };
    if (!keys[event.key]) return;
    event.preventDefault();
    keys[event.key]();
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && chart.filled) chart.fill(false);
    else if (event.key.toLowerCase() === "f" && event.target === document.body && !event.ctrlKey && !event.metaKey) chart.fill(!chart.filled);
  });
  document.body.addEventListener("gradus:metric", (event) => { if (event.detail.id === part.dataset.job) chart.append(event.detail.points); });
  document.body.addEventListener("gradus:reset", () => chart.load().catch(() => undefined));
}

export function start(part) {
  const chart = new Chart(part);
  listen(chart, part);
  onTheme(() => chart.draw());
  let width = 0;
  new ResizeObserver(([entry]) => {
    const now = Math.round(entry.contentRect.width);
    if (now && now !== width) {
      width = now;
      chart.draw();
    }
  }).observe(find(".chart-area", part));
  chart.load().catch((error) => {
    find(".chart-empty", part).hidden = false;
    find(".chart-empty", part).textContent = error.message;
  });
}
