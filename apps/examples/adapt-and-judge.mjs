import { readFileSync } from "node:fs";
import { join } from "node:path";
import { main } from "diffusiongym";

/**
 * @typedef {{ value: number, error?: number }} Estimate
 * @typedef {{ results: Record<string, { base?: Estimate, adapted?: Estimate }>, samples: number, seconds: { training: number, evaluation: number } }} Summary
 */

/**
 * Runs `diffusiongym adapt` and says by how many standard deviations of the base model's samples the mean reward rose.
 *
 * @param {object} example
 * @param {readonly string[]} example.args of `adapt`, without --out
 * @param {string} example.out folder of the report, seen from where the command was typed
 * @param {number} example.aim rise of the mean reward in standard deviations of the base model's rewards
 * @returns {Promise<number>} exit code: 0 when the aim was reached
 */
export async function adaptAndJudge({ args, out, aim }) {
  const interrupted = new AbortController();
  process.once("SIGINT", () => interrupted.abort("SIGINT"));
  // npm and pnpm run scripts in the package's folder and keep where they were called in INIT_CWD.
  const folder = process.env.INIT_CWD ?? process.cwd();
  const { stdout, stderr } = process;
  const code = await main(["adapt", ...args, "--out", out], {
    stdout,
    stderr,
    environment: process.env,
    folder,
    interrupted: interrupted.signal,
  });
  if (code !== 0) return code;
  const summary = /** @type {Summary} */ (JSON.parse(readFileSync(join(folder, out, "summary.json"), "utf8")));
  const { base, adapted } = summary.results.reward ?? {};
  if (base?.error === undefined || adapted === undefined) throw new Error("The summary holds no rewards.");
  const valid = (which = /** @type {"base" | "adapted"} */ ("base")) =>
    (summary.results.valid_fraction?.[which]?.value ?? 100) / 100;
  const deviation = base.error * Math.sqrt(summary.samples * valid("base"));
  const rise = (adapted.value - base.value) / deviation;
  const klPath = summary.results.kl_path?.adapted?.value ?? Number.NaN;
  console.log(
    `\nThe mean reward rose by ${rise.toFixed(2)} standard deviations of the base model's samples (aim: ${aim}), ` +
      `at a path KL of ${klPath.toFixed(2)} nats; ${(100 * valid("base")).toFixed(0)} % of the samples were valid before, ` +
      `${(100 * valid("adapted")).toFixed(0)} % after; training took ${(summary.seconds.training / 60).toFixed(1)} minutes.`,
  );
  return rise >= aim ? 0 : 1;
}
