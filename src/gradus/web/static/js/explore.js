// Pictures of a dataset: size of the cells, one picture large, keys left and right.
import { all, find } from "./dom.js";

export function start(part) {
  const cells = find(".cells", part);
  const size = find("#cell-size");
  let kept = null;
  try {
    kept = localStorage.getItem("gradus.cell");
  } catch {
    kept = null;
  }
  const apply = () => cells?.style.setProperty("--cell", `${size.value}px`);
  if (kept) size.value = kept;
  apply();
  size.addEventListener("input", () => {
    apply();
    try {
      localStorage.setItem("gradus.cell", size.value);
    } catch {
      // storage may be switched off; the size then holds for this page
    }
  });
  const choice = find("[data-submit]", part);
  choice?.addEventListener("change", () => choice.form.submit());
  if (choice && choice.value !== (find("option[selected]", choice)?.value ?? "")) choice.form.submit(); // chosen before this script came

  const viewer = find("#viewer");
  const links = all("[data-large]", part);
  let now = 0;
  function show(index) {
    now = (index + links.length) % links.length;
    const link = links[now];
    const picture = find("#viewer-picture");
    picture.src = link.href;
    picture.alt = link.dataset.name;
    picture.classList.toggle("pixels", Boolean(find(".pixels", link)));
    find("#viewer-name").textContent = link.dataset.name;
    find("#viewer-key").textContent = link.dataset.key;
    if (!viewer.open) viewer.showModal();
  }
  links.forEach((link, index) => link.addEventListener("click", (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    show(index);
  }));
  for (const button of all("[data-step]", viewer)) button.addEventListener("click", () => show(now + Number(button.dataset.step)));
  document.addEventListener("keydown", (event) => {
    if (event.target.closest?.("input, select, textarea")) return;
    if (event.key === "ArrowLeft" || event.key === "ArrowRight") {
      const step = event.key === "ArrowLeft" ? -1 : 1;
      if (viewer.open) show(now + step);
      else find(step < 0 ? 'a[rel="prev"]' : 'a[rel="next"]', part)?.click();
    }
  });
}
