// One event stream a page. Events become DOM events on <body>; parts with data-live refetch themselves through htmx.
import { all, el, find, span } from "./dom.js";

const NAMES = ["status", "progress", "metric", "log", "snapshot", "counts", "devices", "warning", "deleted", "reset"];
const REFETCH_MS = 400;
const AGAIN_MS = 3000; // between two tries
const LOST_MS = 8000; // an answer that has not come by then is not waited for

const TITLE = document.title;

let source = null;
let opened = false; // whether this page has had a stream before
let lostAt = 0;
let banner = null;

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Say that the page is offline, and since when; take it back when it is not. */
function show(lost) {
  if (lost && !lostAt) {
    lostAt = Date.now();
    const since = new Date(lostAt).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", second: "2-digit" });
    banner = el("div", { class: "offline", role: "status", text: `Offline: the server does not answer. What you see is of ${since}; trying again…` });
    find(".topbar").after(banner);
    document.documentElement.classList.add("is-offline");
  } else if (!lost && lostAt) {
    lostAt = 0;
    banner.remove();
    document.documentElement.classList.remove("is-offline");
  }
}

const due = new Map(); // address -> ids of the parts that are to be fetched from it
const busy = new Set(); // addresses that are being fetched

/** Fetch a page once and renew those of its parts that are due. */
async function renew(url, ids) {
  const answer = await fetch(url, { headers: { "HX-Request": "true", Accept: "text/html" }, signal: AbortSignal.timeout(LOST_MS) });
  if (answer.status === 401 || new URL(answer.url).pathname === "/login") return location.reload();
  if (!answer.ok) throw new Error(`the server answered ${answer.status}`);
  const text = await answer.text();
  for (const id of ids) {
    const part = document.getElementById(id);
    if (!part || !text.includes(`id="${id}"`)) continue;
    const open = all("details", part).map((each) => each.open);
    await window.htmx.swap({ text, sourceElement: part, target: part, select: `#${id}`, swap: "outerMorph" });
    const after = all("details", document.getElementById(id) ?? document);
    if (after.length === open.length) after.forEach((each, place) => { if (open[place]) each.open = true; });
  }
  return undefined;
}

/** Renew parts until none is due; what happens meanwhile makes them due again, and so does a failure. */
async function work(url) {
  if (busy.has(url)) return;
  busy.add(url);
  try {
    while (due.get(url)?.size) {
      await sleep(REFETCH_MS);
      const ids = due.get(url);
      due.set(url, new Set());
      try {
        await renew(url, ids);
      } catch {
        for (const id of ids) due.get(url).add(id);
        await sleep(AGAIN_MS);
      }
    }
  } finally {
    busy.delete(url);
  }
}

/** A part names the events it depends on in data-live, and the job they are about in data-job. No kind: all parts. */
function refetch(kind = "", job = "") {
  for (const part of all("[data-live]")) {
    if (kind && !part.dataset.live.split(" ").includes(kind)) continue;
    if (part.dataset.job && job && part.dataset.job !== job) continue;
    const url = part.dataset.liveUrl ?? location.pathname + location.search;
    if (!due.has(url)) due.set(url, new Set());
    due.get(url).add(part.id);
    work(url);
  }
}

/** Move progress bars at once, without asking the server. */
function progress(data) {
  for (const bar of all(`progress[data-job="${CSS.escape(data.id)}"]`)) bar.value = data.fraction ?? bar.value;
  const share = data.fraction;
  for (const text of all(`[data-progress-text="${CSS.escape(data.id)}"]`)) if (share !== undefined) text.textContent = `${Math.floor(share * 100)} %`;
  for (const text of all(`[data-activity="${CSS.escape(data.id)}"]`)) if (data.activity) text.textContent = data.activity;
  for (const text of all(`[data-rate="${CSS.escape(data.id)}"]`)) if (data.rate) text.textContent = `${Math.round(data.rate).toLocaleString("en-US")} pictures / s`;
  if (share !== undefined && document.body.dataset.topics.split(",").includes(`job:${data.id}`)) document.title = `${Math.floor(share * 100)} % · ${TITLE}`;
  for (const text of all(`[data-left="${CSS.escape(data.id)}"]`)) {
    const started = Number(text.dataset.started);
    if (started && share > 0.01) text.textContent = `${span(((Date.now() / 1000 - started) * (1 - share)) / share)} left`;
  }
}

/** Something may have been missed: everything is fetched anew, charts too. */
function startOver() {
  document.body.dispatchEvent(new CustomEvent("gradus:reset"));
  refetch();
}

function heard(name, message) {
  let data;
  try {
    data = JSON.parse(message.data);
  } catch {
    return; // a comment or a keep-alive
  }
  if (name === "reset") return startOver();
  if (name === "progress") progress(data);
  if (name === "status" && ["done", "aborted", "error"].includes(data.job?.state)) document.title = TITLE;
  document.body.dispatchEvent(new CustomEvent(`gradus:${name}`, { detail: data }));
  if (name === "deleted") refetch("status");
  else refetch(name, data.id ?? data.job?.id);
  return undefined;
}

function open() {
  const { topics, after } = document.body.dataset;
  if (!topics || source) return;
  const url = new URL("/events", location.href);
  url.searchParams.set("topics", topics);
  if (after && !opened) url.searchParams.set("after", after); // later ones start anew: nobody knows what was missed
  const again = opened;
  opened = true;
  const mine = new EventSource(url);
  source = mine;
  let first = true;
  mine.onopen = () => {
    show(false);
    if (again && first) startOver();
    else if (!first) refetch(); // the browser came back by itself; points of charts are sent again by the server
    first = false;
  };
  mine.onerror = () => {
    if (source !== mine) return;
    show(true);
    first = false;
    if (mine.readyState === EventSource.CLOSED) {
      source = null;
      setTimeout(open, AGAIN_MS);
    }
  };
  for (const name of NAMES) mine.addEventListener(name, (message) => heard(name, message));
}

function close() {
  source?.close();
  source = null;
}

/** Background tabs close their stream: browsers allow only about six connections to a host. */
export function startLive() {
  open();
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) close();
    else open();
  });
  addEventListener("pagehide", close);
  addEventListener("pageshow", (event) => { if (event.persisted) open(); });
}
