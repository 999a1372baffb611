// `npm test`: every check of the repository, each a step that is named, timed, and shows its output when it fails.
// Two run at a time; all run to the end whatever fails; the last line counts the steps and the tests within them.
// `npm test lint "unit tests"` runs only these and what they wait for.
import { existsSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { findChromium } from "./browser/chromium.mjs";
import { root, shell } from "./shell.mjs";

/**
 * @typedef {object} Step
 * @property {string} name
 * @property {readonly string[]} command
 * @property {string} [after] the step that must have passed before
 * @property {boolean} [vitest] its tests are counted, from the report it writes
 * @property {string} [skipped] why it cannot run here
 * @property {(output: string) => string | undefined} [note] what to say of it when it passes
 *
 * @typedef {{ passed: number, failed: number, skipped: number }} Counts
 */

const lastLine = (/** @type {string} */ output) => output.trim().split("\n").at(-1);
const chromium = await findChromium();

/** @type {readonly Step[]} longest first, once what they wait for is there */
const all = [
  { name: "build", command: ["npm", "--silent", "run", "build"] },
  { name: "format", command: ["biome", "format", "."] },
  { name: "lint", command: ["biome", "lint", "--error-on-warnings", "."] },
  { name: "unit tests", command: ["vitest", "run"], after: "build", vitest: true },
  {
    name: "browser tests",
    command: ["vitest", "run", "--config", "tooling/vitest/browser.config.ts"],
    vitest: true,
    ...(typeof chromium === "string" ? { skipped: chromium } : {}),
  },
  { name: "README examples", command: ["node", "tooling/checks/readme-examples.mjs"], after: "build", note: lastLine },
  { name: "types", command: ["npm", "--silent", "run", "typecheck"] },
  { name: "imports", command: ["npm", "--silent", "run", "arrows"] },
  { name: "package files", command: ["node", "tooling/checks/package-files.mjs"], note: lastLine },
  { name: "pack", command: ["node", "tooling/checks/pack.mjs"], after: "build" },
  { name: "publint and attw", command: ["node", "tooling/checks/publish.mjs"], after: "pack" },
  { name: "install from tarballs", command: ["node", "tooling/checks/pack-test.mjs"], after: "pack" },
  { name: "bundle size", command: ["node", "tooling/checks/bundle-size.mjs"], after: "build", note: lastLine },
];

const wanted = new Set(process.argv.slice(2));
const unknown = [...wanted].filter((name) => !all.some((step) => step.name === name));
if (unknown.length > 0) {
  console.error(`No step is named ${unknown.join(", ")}. The steps: ${all.map(({ name }) => name).join(", ")}.`);
  process.exit(1);
}
for (const { name, after } of all.toReversed()) if (after && wanted.has(name)) wanted.add(after);
const steps = wanted.size === 0 ? all : all.filter(({ name }) => wanted.has(name));

const reports = join(root, "node_modules", ".cache", "reports");
rmSync(reports, { recursive: true, force: true });
mkdirSync(reports, { recursive: true });

const started = performance.now();
/** @type {Map<string, boolean>} what has ended, and whether it passed */
const ended = new Map();
/** @type {Map<string, number>} what is running, and since when */
const running = new Map();
/** @type {Counts} */
const total = { passed: 0, failed: 0, skipped: 0 };

// A line now and then, so that a silent minute is not taken for a hang.
const heartbeat = setInterval(() => {
  const ages = [...running].map(([name, since]) => `${name} (${((performance.now() - since) / 1000).toFixed(0)} s)`);
  console.log(`… ${ages.join(", ")}`);
}, 30_000);
await runAll();
clearInterval(heartbeat);
const skipped = total.skipped > 0 ? `, ${total.skipped} skipped` : "";
console.log(`\nin ${((performance.now() - started) / 1000).toFixed(0)} s${skipped}`);
console.log(`${total.passed} passed, ${total.failed} failed`);
process.exitCode = total.failed > 0 ? 1 : 0;

/** Starts steps in order, two at a time, each once the step it waits for has ended. */
async function runAll() {
  const waiting = [...steps];
  /** @type {Set<Promise<void>>} */
  const slots = new Set();
  while (waiting.length > 0 || slots.size > 0) {
    const index = waiting.findIndex(({ after }) => after === undefined || ended.has(after));
    if (slots.size >= 2 || index < 0) {
      await Promise.race(slots);
      continue;
    }
    const [step] = /** @type {[Step]} */ (waiting.splice(index, 1));
    const slot = runStep(step).finally(() => slots.delete(slot));
    slots.add(slot);
  }
}

/** @param {Step} step */
async function runStep({ name, command, after, vitest, skipped, note }) {
  if (skipped !== undefined) return end(name, "skipped", skipped);
  if (after !== undefined && !ended.get(after)) return end(name, "failed", `not run, because ${after} failed`);
  running.set(name, performance.now());
  const report = join(reports, `${name.replaceAll(" ", "-")}.json`);
  const { code, output, seconds } = await shell(
    vitest ? [...command, "--reporter=default", "--reporter=json", `--outputFile.json=${report}`] : command,
    { environment: { NO_COLOR: "1" } },
  );
  running.delete(name);
  const tests = vitest && existsSync(report) ? count(report) : undefined;
  if (code !== 0) console.log(`\n${output.trimEnd()}\n`);
  const detail = tests
    ? `${tests.passed} of ${tests.passed + tests.failed} tests passed`
    : code === 0 && note?.(output);
  end(name, code === 0 ? "passed" : "failed", [`${seconds.toFixed(1)} s`, detail].filter(Boolean).join(", "));
}

/** @param {string} report of vitest @returns {Counts} also added to the total */
function count(report) {
  const { numPassedTests, numFailedTests, numPendingTests } = JSON.parse(readFileSync(report, "utf8"));
  total.passed += numPassedTests;
  total.failed += numFailedTests;
  total.skipped += numPendingTests;
  return { passed: numPassedTests, failed: numFailedTests, skipped: numPendingTests };
}

/** @param {string} name @param {keyof Counts} result @param {string} detail */
function end(name, result, detail) {
  ended.set(name, result !== "failed");
  total[result] += 1;
  console.log(`${{ passed: "✓", failed: "✗", skipped: "-" }[result]} ${name}: ${result} (${detail})`);
}
