// A network's text beside its drawing: the line of the chosen layer is marked, and a line chosen chooses its layer.
import { all, find } from "./dom.js";
import { viewOf } from "./graph-view.js";

export function start(part) {
  const mark = (line) => {
    for (const marked of all(".on", part)) marked.classList.remove("on");
    const row = line ? find(`#line-${line}`, part) : null;
    if (!row) return;
    row.classList.add("on");
    part.scrollTop = row.offsetTop - part.offsetTop - part.clientHeight / 3;
  };
  document.body.addEventListener("gradus:line", (event) => mark(event.detail.line));
  part.addEventListener("click", (event) => {
    const row = event.target.closest("[id^=line-]");
    if (!row || String(getSelection())) return;
    const drawing = find("#graph");
    if (drawing) viewOf(drawing).chooseLine(Number(row.id.slice(5)));
    mark(Number(row.id.slice(5)));
  });
}
