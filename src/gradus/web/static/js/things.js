// Small things on every page: theme switch, menus, dialogs, copying, relative times, unsaved answers.
import { all, el, find } from "./dom.js";

function setTheme(choice) {
  const root = document.documentElement;
  if (choice === "system") delete root.dataset.theme;
  else root.dataset.theme = choice;
  try {
    localStorage.setItem("gradus.theme", choice);
  } catch {
    // storage may be switched off; the choice then holds for this page
  }
  markTheme(choice);
  for (const tab of all(".tabs [aria-current]")) tab.parentElement.scrollLeft = tab.offsetLeft - 40; // in view on a narrow screen
  document.dispatchEvent(new Event("gradus:theme"));
}

function markTheme(choice) {
  for (const button of all("[data-theme-choice]")) button.setAttribute("aria-pressed", String(button.dataset.themeChoice === choice));
}

/** Say something short at the foot of the page. */
export function toast(text) {
  find(".toast")?.remove();
  const note = el("div", { class: "toast", role: "status", text });
  document.body.append(note);
  setTimeout(() => note.remove(), 2600);
}

const AGO = new Intl.RelativeTimeFormat("en", { numeric: "auto", style: "short" });
const STEPS = [["year", 31536000], ["month", 2592000], ["day", 86400], ["hour", 3600], ["minute", 60]];

/** "3 min. ago", with the exact local time as a tooltip. */
function tellTimes(root = document) {
  const now = Date.now();
  for (const time of all("time[datetime]", root)) {
    const then = new Date(time.dateTime);
    const seconds = (then - now) / 1000;
    const [unit, size] = STEPS.find(([, length]) => Math.abs(seconds) >= length) ?? ["second", 1];
    time.title = then.toLocaleString();
    if (time.dataset.form === "clock") time.textContent = then.toLocaleTimeString();
    else time.textContent = Math.abs(seconds) < 10 ? "just now" : AGO.format(Math.round(seconds / size), unit);
  }
}

function clicked(event) {
  const target = event.target.closest("[data-theme-choice],[data-copy],[data-dialog],[data-close]");
  for (const menu of all("details.menu[open]")) if (!menu.contains(event.target)) menu.open = false;
  if (!target) return;
  if (target.dataset.themeChoice) setTheme(target.dataset.themeChoice);
  else if (target.dataset.copy !== undefined) {
    const text = target.dataset.copy || find(target.dataset.copyFrom)?.textContent || "";
    navigator.clipboard?.writeText(text).then(() => toast("Copied"), () => toast("The browser did not allow copying"));
  } else if (target.dataset.dialog) {
    target.closest("details.menu")?.removeAttribute("open");
    find(`#${target.dataset.dialog}`)?.showModal();
  } else target.closest("dialog")?.close();
}

export function startThings() {
  let choice = "system";
  try {
    choice = localStorage.getItem("gradus.theme") ?? "system";
  } catch {
    choice = "system";
  }
  markTheme(choice);
  for (const tab of all(".tabs [aria-current]")) tab.parentElement.scrollLeft = tab.offsetLeft - 40; // in view on a narrow screen
  document.addEventListener("click", clicked);
  document.addEventListener("click", (event) => {
    if (event.target instanceof HTMLDialogElement) event.target.close(); // a click on the backdrop
  });
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.method === "dialog" || form.dataset.again !== undefined) return;
    if (form.dataset.sent) event.preventDefault(); // a double click sends once
    else if (form.method === "post") form.dataset.sent = "yes";
  });
  addEventListener("pageshow", () => all("form[data-sent]").forEach((form) => delete form.dataset.sent));
  document.addEventListener("htmx:after:swap", () => tellTimes());
  tellTimes();
  setInterval(tellTimes, 15000);
}
