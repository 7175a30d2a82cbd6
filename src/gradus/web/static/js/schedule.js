// The solver's settings: those in use are shown, and the learning rate that they give is drawn while they are typed.
import uPlot from "../vendor/uplot.js";
import { all, colour, el, figure, find, onTheme, request } from "./dom.js";

const WAIT_MS = 120;
const HEIGHT = 128;

export function start(part) {
  const form = part.closest("form");
  const choices = JSON.parse(part.dataset.choices);
  const box = find("#schedule");
  const chosen = (name) => find(`#${name}`).value;
  let known = { ...choices.solver[chosen("solver")], ...choices.policy[chosen("policy")] };
  let curve = null;
  let plot = null;
  let timer = 0;
  let asked = 0;

  /** Show what the solver and the policy use. A value that was the earlier choice's own gives way to the new one's. */
  function choose() {
    const used = { ...choices.solver[chosen("solver")], ...choices.policy[chosen("policy")] };
    for (const place of all("[data-setting]", part)) {
      const name = place.dataset.setting;
      const input = find("input", place);
      if (input.value !== "" && Number(input.value) === Number(known[name])) input.value = "";
      place.classList.toggle("is-unused", !(name in used));
      input.disabled = !(name in used); // what is not shown is not sent
      input.placeholder = used[name] ?? "";
    }
    known = used;
  }

  const later = () => { clearTimeout(timer); timer = setTimeout(ask, WAIT_MS); };

  /** What the schedule comes from, and no more: the form may hold a network's whole text. */
  function told() {
    const names = ["epochs", "solver", "policy", ...all("[data-setting]", part).map((place) => place.dataset.setting)];
    const entered = new FormData(form);
    return new URLSearchParams(names.filter((name) => entered.has(name)).map((name) => [name, entered.get(name)]));
  }

  async function ask() {
    const mine = (asked += 1);
    let answer;
    try {
      answer = await request("/models/new/classification/schedule", { method: "POST", body: told() });
    } catch (error) {
      answer = { problems: [{ message: error.message }], rates: [] };
    }
    if (mine !== asked) return;
    curve = answer;
    draw();
  }

  function draw() {
    plot?.destroy();
    plot = null;
    if (!curve) return;
    if (curve.problems.length) {
      box.replaceChildren(el("p", { class: "hint", text: `The learning rate is drawn when its numbers hold: ${curve.problems[0].message}` }));
      return;
    }
    const first = curve.rates[0];
    const last = curve.rates.at(-1);
    const epochs = curve.epochs.at(-1);
    const target = el("div", { role: "img", "aria-label": `Learning rate from ${figure(first)} to ${figure(last)} after ${epochs} epochs` });
    const rest = `${figure(last)} after ${epochs} epoch${epochs === 1 ? "" : "s"}`;
    const value = el("span", { text: rest });
    box.replaceChildren(target, el("figcaption", {}, el("span", { text: "Learning rate" }), value));
    plot = new uPlot(options(box.clientWidth || 300, (at) => {
      value.textContent = at === null || at === undefined ? rest : `${figure(curve.rates[at])} at epoch ${figure(curve.epochs[at])}`;
    }), [curve.epochs, curve.rates], target);
  }

  form.addEventListener("input", (event) => { if (event.target.name === "epochs" || part.contains(event.target)) later(); });
  form.addEventListener("change", (event) => {
    if (["solver", "policy"].includes(event.target.name)) { choose(); later(); }
  });
  new ResizeObserver(() => { if (plot && box.clientWidth && plot.width !== box.clientWidth) plot.setSize({ width: box.clientWidth, height: HEIGHT }); }).observe(box);
  onTheme(draw);
  for (const input of all(".is-unused input", part)) input.disabled = true;
  ask();
}

function options(width, pointed) {
  const stroke = colour("--series-4");
  const font = `11px ${getComputedStyle(document.body).fontFamily}`;
  const axis = { stroke: colour("--text-faint"), grid: { stroke: colour("--line"), width: 1 }, ticks: { show: false }, font, gap: 4 };
  return {
    width, height: HEIGHT, padding: [8, 10, 0, 0],
    legend: { show: false },
    cursor: { drag: { x: false, y: false }, points: { size: 7 }, y: false },
    scales: { x: { time: false }, y: { range: (u, low, high) => [0, (high || 1) * 1.04] } },
    axes: [{ ...axis, size: 22, space: 60 }, { ...axis, size: 52, space: 28, values: (u, ticks) => ticks.map(figure) }],
    series: [{}, { stroke, width: 1.75, points: { show: false } }],
    hooks: { setCursor: [(u) => pointed(u.cursor.idx)] },
  };
}
