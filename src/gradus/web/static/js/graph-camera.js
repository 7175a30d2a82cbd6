// Where one looks at a drawn network: moved by dragging, wheel, keys and overview; zoomed; never lost out of sight.
import { el } from "./dom.js";

const TOP = 50; // room for the tools
const EDGE = 16;
const LEGIBLE = 0.62; // texts of 12 px are still read at this scale
const COMFORT = 0.78; // a drawing that nearly fits is made smaller down to this, to be seen whole
const STEP = 90;
const OVERVIEW = { width: 132, height: 190 };

export class Camera {
  /** `size` is that of the drawing, `anchor` the place along it that is shown first. */
  constructor(svg, box, size, anchor, nodes) {
    Object.assign(this, { svg, box, size, anchor });
    this.x = this.y = 0;
    this.scale = 1;
    this.moved = false; // whether the pointer that is down has moved
    this.touched = false; // whether someone has chosen what to see
    this.overview = this.drawOverview(nodes);
    this.listen();
    this.start();
  }

  get room() {
    return { width: this.svg.clientWidth, height: this.svg.clientHeight };
  }

  /** Large enough to read, as wide as there is room, from the top. */
  start() {
    const { width, height } = this.room;
    const wide = Math.min(1, Math.max(LEGIBLE, (width - 2 * EDGE) / this.size.width));
    const whole = (height - TOP - EDGE) / this.size.height;
    this.scale = whole >= COMFORT ? Math.min(wide, whole) : wide;
    this.x = width / 2 - this.anchor * this.scale;
    this.y = TOP;
    this.touched = false;
    this.apply();
  }

  /** All of it. */
  fit() {
    const { width, height } = this.room;
    this.scale = Math.min(1, (width - 2 * EDGE) / this.size.width, (height - TOP - EDGE) / this.size.height);
    this.x = (width - this.size.width * this.scale) / 2;
    this.y = TOP;
    this.touched = true;
    this.apply();
  }

  /** Move; returns whether there was anywhere to go. */
  pan(dx, dy) {
    const before = [this.x, this.y];
    this.x += dx;
    this.y += dy;
    this.touched = true;
    this.apply();
    return Math.abs(this.x - before[0]) + Math.abs(this.y - before[1]) > 0.5;
  }

  zoom(factor, at = { x: this.room.width / 2, y: this.room.height / 2 }) {
    const scale = Math.min(3, Math.max(0.08, this.scale * factor));
    const real = scale / this.scale;
    this.x = at.x - (at.x - this.x) * real;
    this.y = at.y - (at.y - this.y) * real;
    this.scale = scale;
    this.touched = true;
    this.apply();
  }

  /** Bring a place of the drawing to the middle; with `lazy` only if it is not well in view. */
  reveal({ x, y }, lazy = false) {
    const { width, height } = this.room;
    const at = { x: this.x + x * this.scale, y: this.y + y * this.scale };
    const inside = at.x > 90 && at.x < width - 90 && at.y > TOP + 20 && at.y < height - 50;
    if (lazy && inside) return;
    this.pan(width / 2 - at.x, height / 2 - at.y);
  }

  /** The window is about to change its size: what is in the middle stays there. */
  hold() {
    const { width, height } = this.room;
    this.held = this.touched ? { x: (width / 2 - this.x) / this.scale, y: (height / 2 - this.y) / this.scale } : null;
  }

  resized() {
    if (!this.svg.isConnected || !this.room.width) return;
    if (!this.touched) this.start();
    else if (this.held) this.reveal(this.held);
    else this.apply();
    this.held = null;
  }

  /** The drawing stays in the window; one that fits along a side is centred on it, or starts at the top. */
  clamp() {
    const { width, height } = this.room;
    const wide = this.size.width * this.scale;
    const tall = this.size.height * this.scale;
    this.x = wide <= width - 2 * EDGE ? (width - wide) / 2 : Math.min(EDGE, Math.max(width - wide - EDGE, this.x));
    this.y = tall <= height - TOP - EDGE ? TOP + (height - TOP - EDGE - tall) / 2 : Math.min(TOP, Math.max(height - tall - 40, this.y));
  }

  apply() {
    this.clamp();
    this.box.setAttribute("transform", `translate(${this.x},${this.y}) scale(${this.scale})`);
    const { width, height } = this.room;
    const shown = { x: Math.max(0, -this.x / this.scale), y: Math.max(0, (TOP - this.y - 6) / this.scale) };
    const far = { x: Math.min(this.size.width, (width - this.x) / this.scale), y: Math.min(this.size.height, (height - this.y) / this.scale) };
    for (const [name, value] of Object.entries({ x: shown.x, y: shown.y, width: Math.max(1, far.x - shown.x), height: Math.max(1, far.y - shown.y) })) this.frame.setAttribute(name, value);
    this.overview.hidden = far.x - shown.x > this.size.width - 4 && far.y - shown.y > this.size.height - 4;
  }

  drawOverview(nodes) {
    const scale = Math.min(OVERVIEW.width / this.size.width, OVERVIEW.height / this.size.height);
    this.frame = el("rect", { class: "frame", "vector-effect": "non-scaling-stroke" });
    const map = el("svg", { viewBox: `0 0 ${this.size.width} ${this.size.height}`, width: Math.max(24, this.size.width * scale), height: this.size.height * scale },
      ...nodes.map(({ x, y, width, height, family }) => el("rect", { class: `spot ${family}`, x: x - width / 2, y: y - height / 2, width, height })), this.frame);
    const go = (event) => {
      const at = new DOMPoint(event.clientX, event.clientY).matrixTransform(map.getScreenCTM().inverse());
      this.reveal(at);
    };
    map.addEventListener("pointerdown", (event) => { map.setPointerCapture(event.pointerId); go(event); });
    map.addEventListener("pointermove", (event) => { if (event.buttons) go(event); });
    return el("div", { class: "graph-overview", "aria-hidden": "true" }, map);
  }

  listen() {
    let from = null;
    this.svg.addEventListener("pointerdown", (event) => { from = { x: event.clientX, y: event.clientY }; this.moved = false; });
    this.svg.addEventListener("pointermove", (event) => {
      if (!from) return;
      const dx = event.clientX - from.x;
      const dy = event.clientY - from.y;
      if (!this.moved && Math.hypot(dx, dy) < 4) return;
      if (!this.moved) this.svg.setPointerCapture(event.pointerId);
      this.moved = true;
      from = { x: event.clientX, y: event.clientY };
      this.pan(dx, dy);
    });
    for (const name of ["pointerup", "pointercancel"]) this.svg.addEventListener(name, () => { from = null; });
    this.svg.addEventListener("wheel", (event) => {
      if (event.ctrlKey || event.metaKey) {
        event.preventDefault();
        const box = this.svg.getBoundingClientRect();
        this.zoom(Math.exp(-event.deltaY * 0.004), { x: event.clientX - box.left, y: event.clientY - box.top });
      } else if (this.pan(event.shiftKey ? -event.deltaY : -event.deltaX, event.shiftKey ? 0 : -event.deltaY)) event.preventDefault(); // at its end the page scrolls on
    }, { passive: false });
    new ResizeObserver(() => this.resized()).observe(this.svg);
  }

  /** Keys of the drawing itself; returns whether the key was one of them. */
  pressed(key) {
    const keys = {
      ArrowLeft: () => this.pan(STEP, 0), ArrowRight: () => this.pan(-STEP, 0), ArrowUp: () => this.pan(0, STEP), ArrowDown: () => this.pan(0, -STEP),
      PageUp: () => this.pan(0, this.room.height * 0.8), PageDown: () => this.pan(0, -this.room.height * 0.8), Home: () => this.start(), End: () => this.pan(0, -1e6),
      "+": () => this.zoom(1.25), "=": () => this.zoom(1.25), "-": () => this.zoom(0.8), 0: () => this.start(), 1: () => this.fit(),
    };
    if (!keys[key]) return false;
    keys[key]();
    return true;
  }
}
