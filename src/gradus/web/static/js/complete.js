// Completion of paths on the server, inside the folders that are allowed: a combobox as ARIA describes it.
import { el, find, icon, request } from "./dom.js";

const WAIT_MS = 120;

export function start(field) {
  const input = find("input", field);
  const list = el("ul", { class: "complete-list", role: "listbox", id: `${input.id}-list`, hidden: true, "aria-label": "Folders" });
  field.append(list);
  for (const [name, value] of Object.entries({ role: "combobox", "aria-autocomplete": "list", "aria-expanded": "false", "aria-controls": list.id })) {
    input.setAttribute(name, value);
  }
  let shown = [];
  let chosen = -1;
  let timer = 0;
  let asked = 0;

  function close() {
    list.hidden = true;
    chosen = -1;
    input.setAttribute("aria-expanded", "false");
    input.removeAttribute("aria-activedescendant");
  }

  function mark() {
    [...list.children].forEach((item, index) => item.setAttribute("aria-selected", String(index === chosen)));
    if (chosen >= 0) {
      input.setAttribute("aria-activedescendant", list.children[chosen].id);
      list.children[chosen].scrollIntoView({ block: "nearest" });
    }
  }

  function take(entry) {
    input.value = entry.folder ? `${entry.path.replace(/\/$/, "")}/` : entry.path;
    input.dispatchEvent(new Event("input", { bubbles: true }));
    input.focus();
  }

  function show(entries) {
    shown = entries.filter((entry) => entry.folder || field.dataset.files !== undefined);
    chosen = -1;
    list.replaceChildren(...shown.map((entry, index) =>
      el("li", { role: "option", id: `${list.id}-${index}`, "aria-selected": "false", onmousedown: (event) => { event.preventDefault(); take(entry); } },
        icon(entry.folder ? "folder" : "file-text", "icon-s"), el("span", { text: entry.path }))));
    list.style.top = `${input.offsetTop + input.offsetHeight}px`;
    list.hidden = !shown.length || document.activeElement !== input;
    input.setAttribute("aria-expanded", String(!list.hidden));
  }

  async function ask() {
    const mine = (asked += 1);
    const entries = await request(`/api/v1/paths?prefix=${encodeURIComponent(input.value)}`).catch(() => []);
    if (mine === asked) show(Array.isArray(entries) ? entries : entries.items ?? []);
  }

  input.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(ask, WAIT_MS);
  });
  input.addEventListener("focus", () => { if (!input.value || input.value.endsWith("/")) ask(); });
  input.addEventListener("blur", () => setTimeout(close, 100));
  input.addEventListener("keydown", (event) => {
    if (list.hidden && event.key === "ArrowDown") return void ask();
    if (list.hidden || !shown.length) return undefined;
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      const step = event.key === "ArrowDown" ? 1 : -1;
      chosen = chosen < 0 && step < 0 ? shown.length - 1 : (chosen + step + shown.length) % shown.length;
      mark();
    } else if ((event.key === "Enter" || event.key === "Tab") && chosen >= 0) {
      event.preventDefault();
      take(shown[chosen]);
    } else if (event.key === "Escape") {
      event.preventDefault();
      close();
    }
    return undefined;
  });
  if (document.activeElement === input && input.value) ask(); // typed before this was loaded
}
