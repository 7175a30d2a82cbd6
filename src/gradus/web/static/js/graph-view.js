// A drawn network: laid out in a worker, shown as SVG, moved and zoomed, each layer with its details.
import { Camera } from "./graph-camera.js";
import { all, el, find, icon, whole } from "./dom.js";
import { startWorker } from "./security.js";

const HEIGHT = 40;
const FAMILIES = [
  ["data", /data|input/i], ["conv", /conv|deconv|im2col/i], ["dense", /innerproduct|linear|embed/i], ["loss", /loss|accuracy/i],
  ["activation", /relu|sigmoid|tanh|softmax|elu|power|exp|log|dropout|bnll|absval/i], ["pool", /pool|spp/i], ["norm", /lrn|norm|scale|bias/i],
];

const familyOf = (type) => FAMILIES.find(([, pattern]) => pattern.test(type))?.[0] ?? "other";
const shapeOf = (node) => (node.shapes[0] ?? []).slice(1).join("×") || (node.shapes[0] ?? []).join("×");
const short = (value) => (value >= 1e9 ? `${(value / 1e9).toPrecision(3)} G` : value >= 1e6 ? `${(value / 1e6).toPrecision(3)} M` : value >= 1e3 ? `${(value / 1e3).toPrecision(3)} k` : String(value));

let worker = null;
let asked = 0;

/** Positions of a graph's nodes; one worker serves the whole page. */
function layout(nodes, edges) {
  worker ??= startWorker(new URL("./graph-worker.js", import.meta.url).href);
  const id = (asked += 1);
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error("the layout took too long")), 20000);
    const heard = ({ data }) => {
      if (data.id !== id) return;
      clearTimeout(timer);
      worker.removeEventListener("message", heard);
      resolve(data);
    };
    worker.addEventListener("message", heard);
    worker.postMessage({ id, nodes, edges });
  });
}

class GraphView {
  constructor(part) {
    this.part = part;
    this.chosen = null;
    document.addEventListener("keydown", (event) => { if (event.key === "Escape" && this.filled) this.fill(false); });
    this.empty("Choose a dataset and a network: it is drawn here, with the shape of every layer.");
  }

  empty(text) {
    this.part.replaceChildren(el("div", { class: "empty graph-empty" }, icon("network"), el("p", { text })));
  }

  stale(yes) {
    this.part.classList.toggle("stale", yes);
  }

  async show(graph) {
    const key = JSON.stringify(graph);
    this.stale(false);
    if (key === this.key) return;
    this.key = key;
    const measure = el("canvas").getContext("2d");
    measure.font = '600 12px system-ui, "Liberation Sans", sans-serif';
    const nodes = graph.nodes.map((node) => ({ name: node.name, height: HEIGHT, width: Math.max(150, Math.ceil(Math.max(measure.measureText(node.name).width, node.type.length * 6 + shapeOf(node).length * 7 + 8)) + 34) }));
    const families = new Map(graph.nodes.map((node) => [node.name, familyOf(node.type)]));
    const quiet = ({ source, target }) => families.get(source) === "data" && families.get(target) === "loss"; // labels on their way to a loss
    const places = await layout(nodes, graph.edges.map((edge) => ({ ...edge, quiet: quiet(edge) })));
    if (key !== this.key) return; // a newer one is on its way
    this.graph = graph;
    this.places = places;
    this.draw(new Map(nodes.map((node) => [node.name, node])));
  }

  draw(sizes) {
    const box = el("g", { class: "all" });
    for (const { source, target, points, quiet } of this.places.edges) {
      const path = points.length > 2 && !quiet ? curve(points) : `M${points.map((point) => `${point.x},${point.y}`).join(" L")}`;
      box.append(el("path", { class: quiet ? "edge quiet" : "edge", d: path, "marker-end": quiet ? null : "url(#arrow)", "data-from": source, "data-to": target }));
    }
    for (const node of this.graph.nodes) box.append(this.node(node, sizes.get(node.name)));
    const marker = el("marker", { id: "arrow", viewBox: "0 0 8 8", refX: 7, refY: 4, markerWidth: 8, markerHeight: 8, markerUnits: "userSpaceOnUse", orient: "auto-start-reverse" }, el("path", { class: "arrow", d: "M0,0 L8,4 L0,8 z" }));
    this.svg = el("svg", { class: "canvas", role: "group", tabindex: 0, "aria-label": `The network, ${this.graph.nodes.length} layers. Arrow keys move it, plus and minus zoom.`, onkeydown: (event) => this.pressed(event) }, el("defs", {}, marker), box);
    const totals = `${this.graph.nodes.length} layers · ${short(this.graph.parameters)} parameters · ${short(this.graph.multiply_adds)} multiply-adds, batch ${this.graph.batch_size}`;
    this.part.replaceChildren(this.svg, el("div", { class: "graph-total", text: totals }), this.tools());
    const spots = this.graph.nodes.map((node) => ({ ...this.places.nodes[node.name], ...sizes.get(node.name), family: familyOf(node.type) }));
    this.camera = new Camera(this.svg, box, this.places, this.anchor(), spots);
    this.part.append(this.camera.overview);
    if (this.chosen) this.choose(this.chosen, false);
    this.tab(find(".node", box));
  }

  /** The middle of what is seen first: of the layers at the top. */
  anchor() {
    const places = this.graph.nodes.map((node) => this.places.nodes[node.name]);
    const top = Math.min(...places.map(({ y }) => y)) + 300;
    const first = places.filter(({ y }) => y <= top).map(({ x }) => x);
    return first.reduce((sum, x) => sum + x, 0) / first.length;
  }

  tools() {
    const tool = (name, label, action, more = {}) => el("button", { class: "button button-s button-icon", type: "button", "aria-label": label, title: label, onclick: action, ...more }, icon(name, "icon-s"));
    this.sought = el("span", { class: "graph-found", role: "status" });
    const input = el("input", { class: "input", type: "search", "aria-label": "Find a layer", placeholder: "Find a layer", autocomplete: "off", spellcheck: "false", "data-filter": true,
      oninput: () => this.seek(input.value), onkeydown: (event) => { if (event.key === "Enter") { event.preventDefault(); this.seek(input.value, event.shiftKey ? -1 : 1); } } });
    this.fillButton = tool("expand", "Fill the window", () => this.fill(!this.filled), { "aria-pressed": String(Boolean(this.filled)) });
    return el("div", { class: "graph-tools" }, el("div", { class: "graph-find" }, icon("search", "icon-s"), input, this.sought),
      tool("zoom-in", "Zoom in", () => this.camera.zoom(1.25)), tool("zoom-out", "Zoom out", () => this.camera.zoom(0.8)),
      tool("maximize", "Show all of it", () => this.camera.fit()), tool("rotate-ccw", "Back to the start", () => this.camera.start()), this.fillButton);
  }

  /** Mark the layers whose name or type has this text, and go to the first, or the next one. */
  seek(text, step = 0) {
    const wanted = text.trim().toLowerCase();
    const found = wanted ? this.graph.nodes.filter((node) => `${node.name} ${node.type}`.toLowerCase().includes(wanted)).map((node) => node.name) : [];
    for (const node of all(".node", this.svg)) {
      node.classList.toggle("found", found.includes(node.dataset.node));
      node.classList.toggle("other", Boolean(wanted) && !found.includes(node.dataset.node));
    }
    const past = found.indexOf(this.chosen); // Enter goes to the next one after the chosen layer
    this.at = step && past >= 0 ? (past + step + found.length) % found.length : 0;
    this.sought.textContent = wanted ? (found.length ? `${this.at + 1} of ${found.length}` : "none") : "";
    if (!found.length) return;
    this.camera.reveal(this.places.nodes[found[this.at]]);
    if (step) this.choose(found[this.at]);
  }

  fill(on) {
    this.camera.hold();
    this.filled = on;
    this.part.classList.toggle("filled", on);
    this.fillButton.setAttribute("aria-pressed", String(on));
    this.fillButton.replaceChildren(icon(on ? "minimize" : "expand", "icon-s"));
  }

  /** Keys: on a layer the arrows go along the layers, on the drawing they move it. */
  pressed(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const node = event.target.closest(".node");
    const steps = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 };
    let done = true;
    if (event.key === "f") this.fill(!this.filled);
    else if (node && (event.key === "Enter" || event.key === " ")) this.choose(node.dataset.node);
    else if (node && steps[event.key]) {
      const nodes = all(".node", this.svg);
      const next = nodes[nodes.indexOf(node) + steps[event.key]];
      if (next) {
        this.tab(next);
        next.focus({ preventScroll: true });
        this.camera.reveal(this.places.nodes[next.dataset.node], true);
      }
    } else done = this.camera.pressed(event.key);
    if (done) { event.preventDefault(); event.stopPropagation(); }
  }

  /** Only one layer is a stop of the Tab key. */
  tab(node) {
    for (const other of all('.node[tabindex="0"]', this.svg)) other.setAttribute("tabindex", -1);
    node?.setAttribute("tabindex", 0);
  }

  node(node, size) {
    const { x, y } = this.places.nodes[node.name];
    const shape = shapeOf(node);
    return el("g", { class: `node ${familyOf(node.type)}`, transform: `translate(${x - size.width / 2},${y - HEIGHT / 2})`, tabindex: -1, role: "button", "aria-pressed": "false", "data-node": node.name,
      "aria-label": `${node.name}, ${node.type}, output ${shape}`,
      onclick: () => { if (!this.camera.moved) this.choose(node.name); } },
    el("rect", { class: "box", width: size.width, height: HEIGHT, rx: 6 }),
    el("rect", { class: "family", width: 4, height: HEIGHT - 12, x: 5, y: 6, rx: 2 }),
    el("text", { x: 16, y: 17, text: node.name }), el("text", { class: "kind", x: 16, y: 31, text: node.type }), el("text", { class: "shape", x: size.width - 9, y: 31, text: shape }));
  }

  choose(name, tell = true) {
    this.chosen = name;
    for (const node of this.svg.querySelectorAll(".node")) node.setAttribute("aria-pressed", String(node.dataset.node === name));
    for (const edge of all(".edge", this.svg)) edge.classList.toggle("on", edge.dataset.from === name || edge.dataset.to === name);
    find(".graph-detail", this.part)?.remove();
    const node = this.graph.nodes.find((each) => each.name === name);
    if (!node) return;
    this.camera.reveal(this.places.nodes[name], true);
    const rows = [["Type", node.type], ["Output", node.shapes.map((shape) => shape.join(" × ")).join(", ") || "–"], ["Parameters", whole(node.parameters)], ["Multiply-adds", whole(node.multiply_adds)], ...Object.entries(node.settings)];
    if (node.line) rows.push(["Line", String(node.line)]);
    this.part.append(el("div", { class: "graph-detail", role: "region", "aria-label": `Layer ${name}` },
      el("header", {}, el("h3", { text: name }), el("button", { class: "button button-s button-quiet button-icon", type: "button", "aria-label": "Close", onclick: () => { this.choose(null); } }, icon("x", "icon-s"))),
      el("dl", { class: "facts" }, ...rows.flatMap(([key, value]) => [el("dt", { text: key }), el("dd", { class: "mono", text: value })]))));
    if (tell) document.body.dispatchEvent(new CustomEvent("gradus:line", { detail: { line: node.line } }));
  }

  /** Choose the layer that a line of the text belongs to. */
  chooseLine(line) {
    const before = (this.graph?.nodes ?? []).filter((node) => node.line && node.line <= line);
    if (before.length) this.choose(before.reduce((a, b) => (b.line >= a.line ? b : a)).name, false);
  }
}

/** A smooth path through the points of an edge. */
function curve(points) {
  let path = `M${points[0].x},${points[0].y}`;
  for (let index = 1; index < points.length - 1; index += 1) {
    const middle = { x: (points[index].x + points[index + 1].x) / 2, y: (points[index].y + points[index + 1].y) / 2 };
    const end = index === points.length - 2 ? points[index + 1] : middle;
    path += ` Q${points[index].x},${points[index].y} ${end.x},${end.y}`;
  }
  return path;
}

const views = new WeakMap();

/** The view that lives in an element; made when it is first asked for. */
export function viewOf(part) {
  if (!views.has(part)) views.set(part, new GraphView(part));
  return views.get(part);
}

export function start(part) {
  const view = viewOf(part);
  if (part.dataset.graph) view.show(JSON.parse(part.dataset.graph)).catch((error) => view.empty(error.message));
}
