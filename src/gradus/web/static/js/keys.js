// The keyboard: jump with Ctrl+K, single keys and two-key sequences outside inputs, rows of tables.
import { all, el, find, icon, request } from "./dom.js";

const SEQUENCE_MS = 900;
const GO = { "g h": "/", "g j": "/jobs", "n d": "/datasets/new/classification", "n m": "/models/new/classification" };

const typing = (target) => target.closest?.("input, textarea, select, [contenteditable], .cm-editor") || target.shadowRoot || target.isContentEditable;

function singleKeys() {
  try {
    return localStorage.getItem("gradus.keys") !== "off";
  } catch {
    return true;
  }
}

function moveRow(step) {
  const rows = all("table[data-rows] tbody tr");
  if (!rows.length) return false;
  const now = rows.findIndex((row) => row.getAttribute("aria-selected") === "true");
  const next = Math.min(rows.length - 1, Math.max(0, now + step));
  rows[now]?.removeAttribute("aria-selected");
  rows[next].setAttribute("aria-selected", "true");
  rows[next].querySelector("a.name")?.focus({ preventScroll: true });
  rows[next].scrollIntoView({ block: "nearest" });
  return true;
}

let first = "";
let firstAt = 0;

function pressed(event) {
  if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") {
    event.preventDefault();
    openJump();
    return;
  }
  const inside = event.composedPath()[0];
  if (event.key === "Escape" && inside.matches?.("[data-filter]")) inside.blur();
  if (event.ctrlKey || event.metaKey || event.altKey || typing(inside) || typing(event.target)) return;
  if (find("dialog[open]") || !singleKeys()) return;
  const sequence = Date.now() - firstAt < SEQUENCE_MS ? `${first} ${event.key}` : "";
  if (GO[sequence]) {
    location.assign(GO[sequence]);
    return;
  }
  first = event.key;
  firstAt = Date.now();
  if (event.key === "/") {
    const filter = find("[data-filter]");
    if (!filter) return openJump(event);
    event.preventDefault();
    filter.focus();
    filter.select();
  } else if (event.key === "?") find("#keys")?.showModal();
  else if (event.key === "j" || (event.key === "ArrowDown" && event.target.closest?.("table[data-rows]"))) {
    if (moveRow(1)) event.preventDefault();
  } else if (event.key === "k" || (event.key === "ArrowUp" && event.target.closest?.("table[data-rows]"))) {
    if (moveRow(-1)) event.preventDefault();
  }
}

const PLACES = [
  { name: "Home", url: "/", icon: "house", keys: "g h" },
  { name: "Jobs", url: "/jobs", icon: "activity", keys: "g j" },
  ...all("[data-place]").map((link) => ({
    name: link.dataset.place, url: link.getAttribute("href"), keys: link.dataset.keys,
    icon: link.pathname.startsWith("/models/") ? "network" : "database",
  })),
  { name: "Plugins", url: "/plugins", icon: "box" },
];

let chosen = 0;
let shown = [];

function draw(list, input) {
  list.replaceChildren(
    ...shown.map((place, index) =>
      el("div", { role: "option", id: `jump-${index}`, "aria-selected": String(index === chosen), onclick: () => location.assign(place.url) },
        icon(place.icon), el("span", { class: "clip", text: place.name }), el("span", { class: "push", text: place.keys ?? place.note ?? "" }))),
  );
  if (!shown.length) list.append(el("p", { class: "empty small", text: "Nothing of that name." }));
  input.setAttribute("aria-activedescendant", shown.length ? `jump-${chosen}` : "");
  list.children[chosen]?.scrollIntoView({ block: "nearest" });
}

async function jobs() {
  const page = await request("/api/v1/jobs?limit=200").catch(() => ({ items: [] }));
  return page.items.map((job) => ({
    name: job.name, url: `/${job.kind}s/${job.id}`, icon: job.kind === "dataset" ? "database" : "network", note: `${job.kind}, ${job.state}`,
  }));
}

async function openJump(event) {
  event?.preventDefault?.();
  const dialog = find("#jump");
  if (!dialog || dialog.open) return;
  const input = find(".jump-input", dialog);
  const list = find(".jump-list", dialog);
  let places = PLACES;
  const filter = () => {
    const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
    shown = places.filter((place) => words.every((word) => place.name.toLowerCase().includes(word))).slice(0, 40);
    chosen = 0;
    draw(list, input);
  };
  input.value = "";
  input.oninput = filter;
  input.onkeydown = (key) => {
    if (key.key === "ArrowDown" || key.key === "ArrowUp") {
      key.preventDefault();
      chosen = (chosen + (key.key === "ArrowDown" ? 1 : shown.length - 1)) % Math.max(1, shown.length);
      draw(list, input);
    } else if (key.key === "Enter" && shown[chosen]) {
      key.preventDefault();
      location.assign(shown[chosen].url);
    }
  };
  filter();
  dialog.showModal();
  places = [...PLACES, ...(await jobs())];
  filter();
}

export function startKeys() {
  document.addEventListener("keydown", pressed);
  for (const button of all("[data-jump]")) button.addEventListener("click", openJump);
  const box = find("#single-keys");
  if (box) {
    box.checked = singleKeys();
    box.addEventListener("change", () => {
      try {
        localStorage.setItem("gradus.keys", box.checked ? "on" : "off");
      } catch {
        // storage may be switched off; the keys then stay as they are
      }
    });
  }
}
