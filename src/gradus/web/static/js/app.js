// Every page: htmx, live regions, theme switch, keyboard, times. Page parts name their module in data-module.
import htmx from "../vendor/htmx.js";
import { all, find } from "./dom.js";
import { startKeys } from "./keys.js";
import { startLive } from "./live.js";
import { secure } from "./security.js";
import { startThings } from "./things.js";

secure(htmx);
window.htmx = htmx;
startThings();
startKeys();
startLive();

const MODULES = {
  chart: () => import("./chart.js"),
  classify: () => import("./classify.js"),
  complete: () => import("./complete.js"),
  explore: () => import("./explore.js"),
  form: () => import("./form.js"),
  graph: () => import("./graph-view.js"),
  log: () => import("./log.js"),
  network: () => import("./network-form.js"),
  schedule: () => import("./schedule.js"),
  source: () => import("./source.js"),
};

/** Start the module that each part asks for, once. */
function startModules(root = document) {
  for (const part of all("[data-module]", root)) {
    if (part.dataset.started) continue;
    part.dataset.started = "soon";
    MODULES[part.dataset.module]().then((module) => {
      module.start(part);
      part.dataset.started = "yes";
    });
  }
}

document.addEventListener("htmx:after:swap", () => startModules());
startModules();
find("[data-focus-errors]")?.focus();
