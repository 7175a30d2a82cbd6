// The log: new lines arrive by themselves, the view follows the end, words can be found.
import { el, find } from "./dom.js";

const KEPT = 2_000_000; // characters; older text is in the file

export function start(part) {
  const log = find("#log", part);
  const box = find("[data-follow-box]", part);
  const search = find("[data-filter]", part);
  const toEnd = () => { if (box.checked) log.scrollTop = log.scrollHeight; };
  box.addEventListener("change", toEnd);
  log.addEventListener("scroll", () => { if (log.scrollTop + log.clientHeight < log.scrollHeight - 40) box.checked = false; });

  document.body.addEventListener("gradus:log", (event) => {
    if (event.detail.id !== part.dataset.job) return;
    find("#log-empty", part)?.remove();
    const text = log.textContent + event.detail.text;
    if (text.length > KEPT) log.textContent = text.slice(-KEPT);
    else log.append(event.detail.text);
    toEnd();
  });

  search.addEventListener("input", () => {
    const text = log.textContent;
    const word = search.value;
    if (!word) {
      log.textContent = text;
      return;
    }
    const pieces = text.split(word);
    log.replaceChildren(...pieces.flatMap((piece, index) => (index ? [el("mark", { text: word }), piece] : [piece])));
    find("mark", log)?.scrollIntoView({ block: "center" });
    box.checked = false;
  });
  toEnd();
}
