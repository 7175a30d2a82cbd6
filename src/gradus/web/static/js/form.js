// The form of a dataset: only what is meant is shown, a name comes from the folder, and the example when all is there.
import { all, find } from "./dom.js";

const PLAIN = /^(train(ing)?|val(idation)?|test|data|images?(_\d)?|jpegimages|photos)$/i; // says nothing of what is in it

/** "/data/my_flowers/train" and "/data/my_flowers.zip" as "my flowers", a list or table by the folder it lies in. */
const fromFolder = (path) => {
  const parts = path.replace(/\/+$/, "").split("/");
  if (/\.(txt|csv|tsv|jsonl|json|parquet)$/.test(parts.at(-1)) && parts.length > 2) parts.pop();
  while (PLAIN.test(parts.at(-1)) && parts.length > 2) parts.pop();
  return parts.at(-1).replace(/\.(zip|tgz|tar(\.\w+)?)$/, "").replaceAll("_", " ");
};

/** Show what is meant with the present values: `data-when` is the name of a field and the values that it may have. */
function choose(form) {
  const entered = new FormData(form);
  for (const place of all("[data-when]", form)) {
    const [decides, ...values] = JSON.parse(place.dataset.when);
    const value = String(entered.getAll(decides).at(-1) ?? "").toLowerCase();
    place.classList.toggle("is-unused", !values.includes(value));
  }
}

/** Until somebody types a name, it is that of the first folder. */
function suggestName(source, name) {
  let own = name.value === "" || name.value === fromFolder(source.value);
  name.addEventListener("input", () => { own = name.value === ""; });
  source.addEventListener("input", () => { if (own) name.value = fromFolder(source.value); });
}

/** Ask for the example once every source that is needed has been named, and again when one of them has changed. */
function showExample(form) {
  const sources = all("[data-source]", form);
  let shown = sources.map((source) => source.value).join("\n");
  form.addEventListener("focusout", (event) => {
    const now = sources.map((source) => source.value).join("\n");
    if (!sources.includes(event.target) || now === shown) return;
    if (sources.some((source) => source.required && !source.value)) return;
    shown = now;
    find("#see-example")?.click();
  });
  // Nobody has asked for that one, so it is quiet about what is still missing.
  form.addEventListener("click", (event) => { find("#quietly", form).value = event.isTrusted ? "" : "yes"; }, true);
}

export function start(form) {
  form.addEventListener("change", () => choose(form));
  choose(form); // what the browser has kept may differ from what the server sent
  const source = find("[data-name-from]", form);
  const name = find("[data-name-to]", form);
  if (source && name) suggestName(source, name);
  showExample(form);
  for (const button of all("[data-side]", form)) {
    button.addEventListener("click", () => {
      for (const input of all("input", button.closest("fieldset"))) {
        input.value = button.dataset.side;
        input.dispatchEvent(new Event("change", { bubbles: true }));
      }
    });
  }
}
