// Light, dark or as the system says. Loaded first and synchronously, so that no page flashes.
(() => {
  const root = document.documentElement;
  root.classList.remove("no-js");
  let kept = "system";
  try {
    kept = localStorage.getItem("gradus.theme") ?? "system";
  } catch {
    kept = "system"; // storage may be switched off
  }
  if (kept === "light" || kept === "dark") root.dataset.theme = kept;
})();
