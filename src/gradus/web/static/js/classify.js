// Classify one: choose, drop, paste or name a picture; answers pile up beside the form.
import { find } from "./dom.js";
import { toast } from "./things.js";

export function start(part) {
  const form = find("#test-form", part);
  const input = find("#image", part);
  const drop = find("#drop", part);
  const results = find("#results", part);
  const button = find("#classify", part);
  const token = find('meta[name="csrf"]').content;

  /** Send pictures (or the path that is typed) and put the answer on top. */
  async function send(files) {
    const data = new FormData(form);
    data.delete("image");
    for (const file of files) data.append("image", file, file.name || "pasted picture");
    if (files.length) data.delete("path");
    button.disabled = true;
    results.setAttribute("aria-busy", "true");
    try {
      const answer = await fetch(form.action, { method: "POST", body: data, headers: { "HX-Request": "true", "X-CSRF-Token": token } });
      find("#results-empty")?.remove();
      window.htmx.swap({ target: results, swap: "afterbegin", text: await answer.text() });
      input.value = "";
    } catch {
      toast("There was no answer. Is Gradus still running? Try again.");
    } finally {
      button.disabled = false;
      results.removeAttribute("aria-busy");
    }
  }

  input.addEventListener("change", () => { if (input.files.length) send([...input.files]); });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    send([...input.files]);
  });
  for (const name of ["dragover", "dragenter"]) {
    document.addEventListener(name, (event) => { event.preventDefault(); drop.classList.add("over"); });
  }
  for (const name of ["dragleave", "drop"]) document.addEventListener(name, () => drop.classList.remove("over"));
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    const files = [...event.dataTransfer.files];
    if (files.length) send(files);
  });
  document.addEventListener("paste", (event) => {
    const files = [...event.clipboardData.files].filter((file) => file.type.startsWith("image/"));
    if (files.length) send(files);
  });
}
