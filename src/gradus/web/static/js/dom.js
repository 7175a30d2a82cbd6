// Small helpers to build elements without markup.

/** An element with attributes and children; `text` sets its text, `on...` keys listen. */
export function el(name, attributes = {}, ...children) {
  const svg = ["svg", "g", "path", "rect", "text", "use", "line", "polyline", "circle", "title", "marker", "defs"];
  const node = svg.includes(name) && name !== "title"
    ? document.createElementNS("http://www.w3.org/2000/svg", name)
    : name === "title"
      ? document.createElementNS("http://www.w3.org/2000/svg", "title")
      : document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (key === "text") node.textContent = value;
    else if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
    else node.setAttribute(key, value === true ? "" : value);
  }
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

export const find = (selector, root = document) => root.querySelector(selector);
export const all = (selector, root = document) => [...root.querySelectorAll(selector)];

/** An icon of the sprite. */
export function icon(name, extra = "") {
  return el("svg", { class: `icon ${extra}`, "aria-hidden": "true" }, el("use", { href: `${document.documentElement.dataset.icons}#${name}` }));
}

/** A colour of the theme, as the browser computes it now. */
export function colour(name) {
  const probe = el("span", { hidden: true });
  document.body.append(probe);
  probe.style.color = `var(${name})`;
  const value = getComputedStyle(probe).color;
  probe.remove();
  return value;
}

/** Call `redraw` when the theme changes, by switch or by the system. */
export function onTheme(redraw) {
  document.addEventListener("gradus:theme", redraw);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
}

/** JSON from our own server; errors carry the problem's words. */
export async function request(url, options = {}) {
  const headers = { Accept: "application/json", ...options.headers };
  const token = find('meta[name="csrf"]')?.content;
  if (options.method && options.method !== "GET" && token) headers["X-CSRF-Token"] = token;
  let body = options.body;
  if (options.json !== undefined) {
    headers["Content-Type"] = "application/json";
    body = JSON.stringify(options.json);
  }
  const answer = await fetch(url, { ...options, headers, body });
  const data = await answer.json().catch(() => null);
  if (!answer.ok) {
    const error = new Error(data?.message ?? data?.detail ?? data?.title ?? `The server answered ${answer.status}.`);
    error.problem = data;
    error.status = answer.status;
    throw error;
  }
  return data;
}

/** 12345 as "12,345". */
export const whole = (value) => Math.round(value).toLocaleString("en-US");

/** A number with about four significant digits, as a person would write it. */
export function figure(value) {
  if (value === null || value === undefined || !Number.isFinite(value)) return "–";
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-3 || size >= 1e6)) return value.toExponential(2).replace(/\.?0+e/, "e").replace("e+", "e");
  return String(Number(value.toPrecision(4)));
}

/** "3 m 20 s" of seconds. */
export function span(seconds) {
  if (!Number.isFinite(seconds)) return "";
  const s = Math.max(0, Math.round(seconds));
  if (s < 60) return `${s} s`;
  if (s < 3600) return `${Math.floor(s / 60)} m ${s % 60} s`;
  if (s < 86400) return `${Math.floor(s / 3600)} h ${Math.floor((s % 3600) / 60)} m`;
  return `${Math.floor(s / 86400)} d ${Math.floor((s % 86400) / 3600)} h`;
}
