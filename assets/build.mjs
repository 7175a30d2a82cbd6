// Builds src/gradus/web/static/vendor from exactly pinned packages. Maintainers only: the result is committed.
import { createHash } from "node:crypto";
import { copyFile, mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = fileURLToPath(new URL(".", import.meta.url));
const modules = join(here, "node_modules");
const out = join(here, "..", "src", "gradus", "web", "static", "vendor");

// What is shipped, and which packages each file holds.
const bundles = [
  { file: "htmx.js", entry: join(modules, "htmx.org/dist/htmx.esm.js"), packages: ["htmx.org"] },
  { file: "uplot.js", entry: join(modules, "uplot/dist/uPlot.esm.js"), packages: ["uplot"] },
  { file: "dagre.js", entry: join(modules, "@dagrejs/dagre/dist/dagre.esm.js"), packages: ["@dagrejs/dagre"] },
  { file: "editor.js", entry: join(here, "src/editor.js"), packages: "bundled" },
];
const copies = [{ file: "uplot.css", from: "uplot/dist/uPlot.min.css", packages: ["uplot"] }];

const manifest = async (name) => JSON.parse(await readFile(join(modules, name, "package.json"), "utf8"));

const licenceFile = async (name) => {
  const found = (await readdir(join(modules, name))).find((file) => /^licen[cs]e(\.(md|txt))?$/i.test(file));
  if (!found) throw new Error(`${name} comes without a licence text`);
  return join(modules, name, found);
};

async function bundle({ file, entry, packages }) {
  const result = await build({
    entryPoints: [entry],
    outfile: join(out, file),
    bundle: true,
    minify: true,
    format: "esm",
    target: "es2022",
    legalComments: "none",
    metafile: true,
  });
  if (packages !== "bundled") return packages;
  const inside = Object.keys(result.metafile.inputs).map((path) => path.match(/node_modules\/((?:@[^/]+\/)?[^/]+)/)?.[1]);
  return [...new Set(inside.filter(Boolean))].sort();
}

async function sprite() {
  const names = JSON.parse(await readFile(join(here, "icons.json"), "utf8"));
  const symbols = await Promise.all(
    names.map(async (name) => {
      const svg = await readFile(join(modules, "lucide-static/icons", `${name}.svg`), "utf8");
      const inside = svg.slice(svg.indexOf(">", svg.indexOf("<svg")) + 1, svg.lastIndexOf("</svg>"));
      return `<symbol id="${name}" viewBox="0 0 24 24">${inside.replace(/\s*\n\s*/g, "")}</symbol>`;
    }),
  );
  await writeFile(join(out, "icons.svg"), `<svg xmlns="http://www.w3.org/2000/svg">\n${symbols.join("\n")}\n</svg>\n`);
}

await rm(out, { recursive: true, force: true });
await mkdir(join(out, "licences"), { recursive: true });
const shipped = [];
for (const item of bundles) shipped.push({ file: item.file, packages: await bundle(item) });
for (const item of copies) {
  await copyFile(join(modules, item.from), join(out, item.file));
  shipped.push({ file: item.file, packages: item.packages });
}
await sprite();
shipped.push({ file: "icons.svg", packages: ["lucide-static"] });

const files = [];
for (const { file, packages } of shipped) {
  const sha256 = createHash("sha256").update(await readFile(join(out, file))).digest("hex");
  files.push({ file, sha256, packages });
}
const packages = [];
for (const name of [...new Set(shipped.flatMap((item) => item.packages))].sort()) {
  const { version, license } = await manifest(name);
  const text = `licences/${name.replace("@", "").replace("/", "-")}.txt`;
  await copyFile(await licenceFile(name), join(out, text));
  packages.push({ name, version, licence: license, text });
}
await writeFile(join(out, "MANIFEST.json"), `${JSON.stringify({ files, packages }, null, 2)}\n`);
process.stdout.write(`${files.length} files from ${packages.length} packages in ${basename(out)}\n`);
