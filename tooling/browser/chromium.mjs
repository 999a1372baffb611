import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { delimiter, join } from "node:path";
import { root } from "../shell.mjs";

/**
 * @typedef {object} Chromium
 * @property {string} executablePath
 * @property {Record<string, string>} environment what it needs besides the current variables
 */

/**
 * Finds a Chromium to test in: the one named by CHROMIUM_PATH, else the system's, else the one inside the npm package
 * @sparticuz/chromium (Linux on x64). Nothing is downloaded.
 *
 * @returns {Promise<Chromium | string>} a sentence says why there is none
 */
export async function findChromium() {
  const named = process.env.CHROMIUM_PATH;
  if (named) {
    return starts(named) ? { executablePath: named, environment: {} } : `CHROMIUM_PATH (${named}) does not start`;
  }
  for (const name of ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"]) {
    const path = (process.env.PATH ?? "").split(delimiter).map((folder) => join(folder, name));
    const executablePath = path.find((candidate) => existsSync(candidate));
    if (executablePath && starts(executablePath)) return { executablePath, environment: {} };
  }
  if (process.platform !== "linux" || process.arch !== "x64") {
    return "no Chromium or Chrome on the PATH, and the npm package has one for Linux on x64 only: set CHROMIUM_PATH";
  }
  const folder = await unpack();
  const executablePath = join(folder, "chromium");
  const environment = { FONTCONFIG_PATH: join(folder, "fonts") };
  if (starts(executablePath, environment)) return { executablePath, environment };
  // A bare machine may lack the three system libraries that the package brings along for such a case.
  const withLibraries = { ...environment, LD_LIBRARY_PATH: join(folder, "al2023", "lib") };
  if (starts(executablePath, withLibraries)) return { executablePath, environment: withLibraries };
  return "no Chromium or Chrome on the PATH, and the one of @sparticuz/chromium does not start: set CHROMIUM_PATH";
}

/** @param {string} executablePath @param {Record<string, string>} [environment] */
function starts(executablePath, environment = {}) {
  const { status } = spawnSync(executablePath, ["--version"], { env: { ...process.env, ...environment } });
  return status === 0;
}

/** Unpacks the package once, beside its final place, so that an interrupted run leaves nothing half-written there. */
async function unpack() {
  const cache = join(root, "node_modules", ".cache");
  const { version } = createRequire(import.meta.url)("../../node_modules/@sparticuz/chromium/package.json");
  const folder = join(cache, `chromium-${version}`);
  if (existsSync(folder)) return folder;
  mkdirSync(cache, { recursive: true });
  const temporary = mkdtempSync(join(cache, "chromium-"));
  // The package unpacks into the temporary folder of its environment, and its libraries only where it thinks they miss.
  const before = { ...process.env };
  Object.assign(process.env, { TMPDIR: temporary, AWS_LAMBDA_JS_RUNTIME: "nodejs20.x" });
  try {
    const { default: chromium } = await import("@sparticuz/chromium");
    await chromium.executablePath();
  } finally {
    for (const name of Object.keys(process.env)) delete process.env[name];
    Object.assign(process.env, before);
  }
  try {
    renameSync(temporary, folder);
  } catch (error) {
    // Another run was faster: its copy is as good.
    rmSync(temporary, { recursive: true, force: true });
    if (!existsSync(folder)) throw error;
  }
  return folder;
}
