// The network part of the model form: standard or custom, checked and drawn while it is chosen or typed.
import { all, el, find, icon, request, whole } from "./dom.js";
import { viewOf } from "./graph-view.js";

const WAIT_MS = 600;
const CHECKED = ["batch_size", "crop_size", "epochs"];

const chosen = (name) => find(`input[name="${name}"]:checked`);
const size = (bytes) => (bytes >= 2 ** 30 ? `${(bytes / 2 ** 30).toFixed(1)} GiB` : `${Math.max(1, Math.round(bytes / 2 ** 20))} MiB`);

export function start(part) {
  const form = part.closest("form");
  const textarea = find("#network_text");
  const place = find("#editor");
  const field = find("#editor-field");
  const state = find("#network-state");
  const checks = find("#checks");
  let editor = null;
  let timer = 0;
  let asked = 0;

  const view = () => viewOf(find("#graph"));
  const custom = () => chosen("network")?.value === "custom";
  const later = () => { clearTimeout(timer); timer = setTimeout(check, WAIT_MS); };

  async function open() {
    field.hidden = !custom();
    find("#customize").hidden = custom();
    if (!custom() || editor) return;
    const { openEditor } = await import("./editor.js");
    if (editor) return;
    textarea.hidden = true;
    textarea.removeAttribute("id");
    place.hidden = false;
    place.id = "network_text"; // the error summary leads here
    place.tabIndex = -1;
    editor = openEditor(place, textarea, { changed: later, check, moved: (line) => view()?.chooseLine(line) });
    place.addEventListener("focus", () => editor.focus());
    const marked = all("[data-problem-line]").map((mark) => ({ line: Number(mark.dataset.problemLine), message: mark.textContent }));
    if (marked.length) editor.problems(marked);
  }

  async function customize() {
    const entry = chosen("network");
    if (!entry || entry.value === "custom") return;
    const { text } = await request(`/api/v1/networks/${encodeURIComponent(entry.value)}`);
    if (textarea.value.trim() && textarea.value !== text && !confirm("Replace the text in the editor?")) return;
    textarea.value = text;
    find('input[name="network"][value="custom"]').checked = true;
    editor?.set(text);
    await open();
    rename();
    check();
    editor?.focus();
  }

  function say(list) {
    checks.replaceChildren(...list.map(([kind, text]) => el("li", { class: kind }, icon({ good: "circle-check", bad: "circle-x", info: "info", busy: "loader-circle" }[kind], "icon-s"), el("span", { text }))));
  }

  function report({ graph, problems, samples, iterations, memory }) {
    const list = [];
    if (problems.length) for (const problem of problems) list.push(["bad", problem.message]);
    if (graph) {
      if (!problems.length) list.push(["good", "The network compiles and its shapes fit."]);
      list.push(["info", `${graph.nodes.length} layers, ${whole(graph.parameters)} parameters`]);
      if (iterations) list.push(["info", `${whole(iterations)} iterations: ${whole(samples)} pictures in batches of ${graph.batch_size}, ${find("#epochs").value} times`]);
      if (memory) list.push(["info", `About ${size(memory)} of memory to train`]);
    }
    if (!chosen("dataset")) list.unshift(["bad", "No dataset is chosen."]);
    say(list);
  }

  async function check() {
    clearTimeout(timer);
    if (!chosen("network")) return;
    const mine = (asked += 1);
    state.textContent = "Checking…";
    const body = new URLSearchParams(new FormData(form));
    body.set("phase", find("#phase").value);
    body.delete("python_layers_file"); // its text is in the field below it
    let answer;
    try {
      answer = await request("/models/new/classification/check", { method: "POST", body });
    } catch (error) {
      answer = { graph: null, problems: error.problem?.errors ?? [{ message: error.message }], samples: null, memory: null };
    }
    if (mine !== asked) return;
    state.textContent = !answer.graph ? "Does not compile" : answer.problems.length ? "Can be drawn, not trained" : "";
    editor?.problems(custom() ? answer.problems : []);
    find("#network-problems").replaceChildren(...answer.problems.map((problem) =>
      el("div", { class: "notice is-error" }, icon("circle-alert"), el("div", {}, el("span", { text: problem.message }), problem.hint ? el("span", { class: "muted", text: ` ${problem.hint}` }) : null))));
    report(answer);
    if (answer.graph) view()?.show(answer.graph).catch((error) => view().empty(error.message));
    else view()?.stale(true);
  }

  /** A name of dataset and network, until someone types another. */
  const name = find("[data-model-name]");
  const proposed = () => {
    const dataset = chosen("dataset")?.closest("label").querySelector(".clip")?.textContent ?? "";
    return `${dataset} ${chosen("network")?.dataset.title ?? ""}`.trim();
  };
  let own = name.value === "" || name.value === proposed();
  name.addEventListener("input", () => { own = name.value === ""; });
  function rename() {
    if (own) name.value = proposed();
  }

  form.addEventListener("change", (event) => {
    if (event.target.name === "network") open();
    if (event.target.name === "network" || event.target.name === "dataset") { rename(); check(); }
    if (CHECKED.includes(event.target.name)) later();
  });
  textarea.addEventListener("input", later);
  const code = find("#python_layers");
  code.addEventListener("input", later);
  find("#python_layers_file").addEventListener("change", async ({ target }) => {
    if (!target.files[0]) return;
    code.value = await target.files[0].text();
    target.value = "";
    check();
  });
  find("#check").addEventListener("click", check);
  find("#phase").addEventListener("change", check);
  find("#customize").addEventListener("click", () => customize().catch((error) => say([["bad", error.message]])));
  document.addEventListener("keydown", (event) => {
    if ((event.ctrlKey || event.metaKey) && event.key === "Enter") { event.preventDefault(); check(); }
  });
  document.body.addEventListener("gradus:line", (event) => editor?.line(event.detail.line));
  open();
  setTimeout(check, 0);
}
