/**
 * Makes the one file that browsers load.   node build.js [--check]
 *
 * `--check` writes nothing and fails where the file is not what the sources give.
 */
import { build } from "esbuild";
import { readFile, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

import { offered } from "./offered.js";

const here = (/** @type {string} */ path) => fileURLToPath(new URL(path, import.meta.url));

export const BUILT = here("../custom_components/care_alerts/frontend/care-alerts.js");

/**
 * The sources as one module: the same bytes on every machine.
 *
 * Chromium 80 is the oldest browser in which Home Assistant's own legacy build starts.
 * @returns {Promise<string>}
 */
export async function bundle() {
  const license = await readFile(here("node_modules/uplot/LICENSE"), "utf8");
  const { outputFiles } = await build({
    absWorkingDir: here("."),
    entryPoints: ["src/main.ts"],
    bundle: true,
    minify: true,
    write: false,
    format: "esm",
    target: "chrome80",
    charset: "utf8",
    legalComments: "eof",
    loader: { ".css": "text" },
    define: await offered(),
    // A style that holds it has no room for the notice that it asks for.
    footer: { js: `/*\nuPlot:\n${license}*/` },
    banner: {
      js: "// Made of frontend/ in the project's repository by `npm run build`: change it there.",
    },
  });
  return /** @type {import("esbuild").OutputFile} */ (outputFiles[0]).text;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const started = performance.now();
  const made = await bundle();
  const took = Math.round(performance.now() - started);
  const size = `${Buffer.byteLength(made)} bytes, ${gzipSync(made).length} compressed, in ${took} ms`;
  if (!process.argv.includes("--check")) {
    await writeFile(BUILT, made);
    console.log(`${BUILT}: ${size}`);
  } else if (made !== (await readFile(BUILT, "utf8"))) {
    console.error(`${BUILT} is not what frontend/src gives: scripts/lint --fix builds it`);
    process.exit(1);
  } else {
    console.log(`The built file is what the sources give: ${size}`);
  }
}
