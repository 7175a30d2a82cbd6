// Samples of a dataset: size of the cells, marks over them, one of them large with all that is known of it; keys.
import { all, el, figure, find, request, whole } from "./dom.js";

const kept = {
  get(name) {
    try { return localStorage.getItem(`gradus.${name}`); } catch { return null; }
  },
  set(name, value) {
    try { localStorage.setItem(`gradus.${name}`, value); } catch { /* storage may be switched off; it then holds for this page */ }
  },
};

export function start(part) {
  const cells = find(".cells", part);
  cells?.style.setProperty("--aspect", cells.dataset.aspect);
  slider(find("#cell-size"), (input) => cells?.style.setProperty("--cell", `${input.value}px`));
  const opacity = find("#opacity");
  if (opacity) slider(opacity, () => part.style.setProperty("--marks", opacity.value), "opacity");
  for (const choice of all("[data-submit]", part)) {
    choice.addEventListener("change", () => choice.form.submit());
    if (choice.value !== (find("option[selected]", choice)?.value ?? "")) choice.form.submit(); // chosen before this script came
  }
  legend(part);
  const viewer = view(part);
  keys(part, viewer, opacity);
}

/** A range whose place is kept from page to page. */
function slider(input, apply, name = `cell.${input.dataset.key}`) {
  const before = kept.get(name);
  if (before !== null) input.value = before;
  apply(input);
  input.addEventListener("input", () => {
    apply(input);
    kept.set(name, input.value);
  });
}

/** Pointing at a class lets the boxes of the others fade. */
function legend(part) {
  for (const link of all(".legend [data-class]", part)) {
    const point = (on) => {
      for (const box of all(".boxes [data-class]", part)) box.classList.toggle("is-faded", on && box.dataset.class !== link.dataset.class);
    };
    link.addEventListener("pointerenter", () => point(true));
    link.addEventListener("pointerleave", () => point(false));
    link.addEventListener("focus", () => point(true));
    link.addEventListener("blur", () => point(false));
  }
}

const FIRST = "#large-first";
const LAST = "#large-last";

function view(part) {
  const dialog = find("#viewer");
  const links = all("[data-large]", part);
  const state = { dialog, links, now: 0, show };
  function show(index) {
    if (index < 0 || index >= links.length) return turn(index);
    state.now = index;
    const link = links[state.now];
    find("#viewer-shots").replaceChildren(...all(".shot, .sample-text", link).map((shot) => shot.cloneNode(true)));
    for (const image of all("#viewer-shots img")) image.loading = "eager";
    find("#viewer-name").textContent = link.dataset.name;
    find("#viewer-key").textContent = link.dataset.key;
    if (!dialog.open) dialog.showModal();
    for (const button of all("[data-step]", dialog)) button.disabled = !has(state.now + Number(button.dataset.step));
    tell(part.dataset.samples, link);
    return undefined;
  }
  const has = (index) => (index >= 0 && index < links.length) || Boolean(find(index < 0 ? 'a[rel="prev"]' : 'a[rel="next"]', part));
  /** Beyond the last there may be another page, whose first is then shown. */
  function turn(index) {
    const page = find(index < 0 ? 'a[rel="prev"]' : 'a[rel="next"]', part);
    if (page) location.assign(page.href + (index < 0 ? LAST : FIRST));
    return undefined;
  }
  if (links.length && location.hash === FIRST) show(0);
  if (links.length && location.hash === LAST) show(links.length - 1);
  links.forEach((link, index) => link.addEventListener("click", (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    show(index);
  }));
  for (const button of all("[data-step]", dialog)) button.addEventListener("click", () => show(state.now + Number(button.dataset.step)));
  dialog?.addEventListener("close", () => links[state.now]?.focus());
  return state;
}

/** All that is known of a sample, and those that look like it. */
async function tell(base, link) {
  const { split, index } = link.dataset;
  const address = `${base}/${split}/${index}`;
  const list = find("#viewer-facts");
  const similar = find("#viewer-similar");
  list.replaceChildren();
  similar.hidden = true;
  const current = () => find("#viewer-key").textContent === link.dataset.key;
  const known = await request(address).catch(() => null);
  if (!known || !current()) return;
  const rows = [
    ["File", known.file?.split("/").slice(-2).join("/"), known.file],
    ["Size", known.width ? `${known.width} × ${known.height}` : null],
    ["Bytes", known.bytes === null || known.bytes === undefined ? null : whole(known.bytes)],
    ["Class", known.label_name ?? (known.classes?.length ? known.classes.join(", ") : null)],
    ["Brightness", known.brightness === null || known.brightness === undefined ? null : figure(known.brightness)],
    ["SHA-256", known.sha256],
    ["pHash", known.hash],
    ["Problems", known.flaws?.length ? known.flaws.map((flaw) => flaw.replaceAll("-", " ")).join(", ") : null],
  ];
  list.replaceChildren(...rows.filter(([, value]) => value).flatMap(([title, value, full]) => [
    el("dt", { text: title }),
    el("dd", { text: value, title: full ?? value, class: ["SHA-256", "File", "pHash"].includes(title) ? "mono clip" : null }),
  ]));
  if (!known.hash) return;
  const found = await request(`${address}/similar?limit=8`).catch(() => null);
  const items = found?.items ?? found ?? [];
  if (!current() || !items.length) return;
  find(".similar", similar).replaceChildren(...items.map(({ sample }) => el("li", {}, el("a", {
    href: `?split=${sample.split}&page=${Math.floor(sample.index / 60) + 1}#sample-${sample.index}`,
    title: sample.file,
  }, el("img", { src: `${base}/${sample.split}/${sample.index}.png`, alt: sample.file, loading: "lazy" })))));
  similar.hidden = false;
}

function keys(part, viewer, opacity) {
  let before = "1";
  const steps = { ArrowLeft: -1, ArrowRight: 1 };
  document.addEventListener("keydown", (event) => {
    if (event.target.closest?.("input, select, textarea") || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "o" && opacity) {
      if (Number(opacity.value)) before = opacity.value;
      opacity.value = Number(opacity.value) ? "0" : before;
      opacity.dispatchEvent(new Event("input"));
      return;
    }
    const place = viewer.links.indexOf(document.activeElement);
    const step = steps[event.key] ?? (place < 0 ? undefined : { ArrowUp: -columns(viewer.links), ArrowDown: columns(viewer.links) }[event.key]);
    if (step === undefined) return;
    if (viewer.dialog?.open) {
      if (Math.abs(step) === 1) viewer.show(viewer.now + step);
    } else if (place >= 0) viewer.links[place + step]?.focus();
    else find(step < 0 ? 'a[rel="prev"]' : 'a[rel="next"]', part)?.click();
    event.preventDefault();
  });
}

/** How many cells stand in a row. */
function columns(links) {
  const top = links[0].getBoundingClientRect().top;
  const next = links.findIndex((link) => link.getBoundingClientRect().top > top + 1);
  return next < 0 ? links.length : next;
}
