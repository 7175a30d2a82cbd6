// Sensible names before anyone types: from the folder, and sizes by one click.
import { all, find } from "./dom.js";

/** "/data/my_flowers/" as "my flowers", a list by the folder it lies in. */
const fromFolder = (path) => {
  const parts = path.replace(/\/+$/, "").split("/");
  const last = parts.pop();
  return (last.endsWith(".txt") && parts.length > 1 ? parts.pop() : last).replaceAll("_", " ");
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
