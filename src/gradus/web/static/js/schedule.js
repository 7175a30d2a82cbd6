// The learning rate over the training, drawn while its numbers are typed.
import { all, el, figure, find } from "./dom.js";

const WIDTH = 300;
const HEIGHT = 64;

const number = (id) => Number(find(`#${id}`)?.value);

/** The rate at each share of the training, as the solver will compute it. */
function rates(points = 120) {
  const base = number("learning_rate");
  const policy = find('input[name="policy"]:checked')?.value;
  return Array.from({ length: points + 1 }, (_, index) => {
    if (policy !== "step") return base;
    return base * number("gamma") ** Math.floor((index / points) * (100 / number("step_percent")) + 1e-9);
  }).slice(0, points);
}

function draw(figureBox) {
  const values = rates();
  const epochs = number("epochs");
  for (const part of all("[data-only-policy]")) part.hidden = part.dataset.onlyPolicy !== find('input[name="policy"]:checked')?.value;
  if (!(epochs >= 1) || !values.every((value) => Number.isFinite(value) && value > 0)) {
    figureBox.replaceChildren(el("p", { class: "hint", text: "The schedule is drawn when its numbers hold." }));
    return;
  }
  const top = Math.max(...values);
  const place = (value, index) => `${((index * WIDTH) / (values.length - 1)).toFixed(1)},${(HEIGHT - 2 - (value / top) * (HEIGHT - 6)).toFixed(1)}`;
  const path = values.map((value, index) => (index && values[index - 1] !== value ? `L${place(values[index - 1], index)} L${place(value, index)}` : `${index ? "L" : "M"}${place(value, index)}`)).join(" ");
  const low = Math.min(...values);
  figureBox.replaceChildren(
    el("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", role: "img", "aria-label": `Learning rate from ${figure(values[0])} to ${figure(values.at(-1))}` },
      el("path", { class: "base", d: `M0,${HEIGHT - 1} H${WIDTH}` }), el("path", { d: path })),
    el("figcaption", {}, el("span", { text: figure(values[0]) }), el("span", { text: "Learning rate" }), el("span", { text: `${figure(low)} after ${epochs} epochs` })),
  );
}

export function start() {
  const box = find("#schedule");
  const form = box.closest("form");
  form.addEventListener("input", () => draw(box));
  form.addEventListener("change", () => draw(box));
  draw(box);
}
