// Sensible names before anyone types: from the folder, and sizes by one click.
import { all, find } from "./dom.js";

/** "/data/my_flowers/" and "/data/my_flowers.zip" as "my flowers", a list or table by the folder it lies in. */
const fromFolder = (path) => {
  const parts = path.replace(/\/+$/, "").split("/");
  const last = parts.pop();
  const name = /\.(txt|csv|tsv|jsonl)$/.test(last) && parts.length > 1 ? parts.pop() : last;
  return name.replace(/\.(zip|tgz|tar(\.\w+)?)$/, "").replaceAll("_", " ");
};

export function start(part) {
  for (const button of all("[data-side]", part)) {
    button.addEventListener("click", () => {
      for (const id of ["width", "height"]) {
        const input = find(`#${id}`);
        input.value = button.dataset.side;
        input.dispatchEvent(new Event("change", { bubbles: true }));
      }
    });
  }
  const source = find("[data-name-from]");
  const name = find("[data-name-to]");
  if (!source || !name) return;
  let own = name.value === "" || name.value === fromFolder(source.value);
  name.addEventListener("input", () => { own = name.value === ""; });
  source.addEventListener("input", () => { if (own) name.value = fromFolder(source.value); });
  const example = find("#see-example");
  let shown = "";
  source.addEventListener("blur", () => {
    if (!source.value || source.value === shown) return;
    shown = source.value;
    example?.click();
  });
}
