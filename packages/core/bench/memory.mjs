// Peak memory of a rollout as steps grow, with and without recording; each rollout in a process of its own, because a
// peak never comes down again.
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";

const [n, dimensions] = [16384, 4];
const [, , steps, record] = process.argv;

if (steps === undefined) {
  console.log(`peak memory beside the process itself, ${n} x ${dimensions} (${megabytes(n * dimensions * 4)} a batch)`);
  const empty = child("0", "nothing");
  for (const what of ["nothing", "all"]) {
    const peaks = [50, 100, 200, 400, 800].map(
      (count) => `${count} steps ${megabytes(child(String(count), what) - empty)}`,
    );
    console.log(`  recording ${what}: ${peaks.join(", ")}`);
  }
} else {
  const { BaseModel, DDTensor, Environment, OptimalTransport, ZeroReward } = await import("@diffusiongym/core");
  class Identity extends BaseModel {
    outputType = "velocity";
    scheduler = new OptimalTransport();

    sampleP0(count, streams, conditioning) {
      return { x: DDTensor.randn(count, [dimensions], streams), conditioning };
    }

    forward(x) {
      return x.scale(0.5);
    }
  }
  const count = Number(steps);
  const environment = new Environment(new Identity(), new ZeroReward(), { steps: Math.max(count, 1) });
  // Without this the collector lets garbage grow at its leisure, and the peak would show its habits and not our needs.
  const onProgress = () => globalThis.gc?.({ type: "minor" });
  if (count > 0) await environment.sample(n, { record: record === "all" ? "all" : [], onProgress });
  process.stdout.write(String(process.resourceUsage().maxRSS * 1024));
}

/** @param {string} count @param {string} what @returns {number} bytes */
function child(count, what) {
  const script = fileURLToPath(import.meta.url);
  const { stdout, stderr, status } = spawnSync(process.execPath, ["--expose-gc", script, count, what], {
    encoding: "utf8",
  });
  if (status !== 0) throw new Error(`${script} ${count} ${what} failed:\n${stderr}`);
  return Number(stdout);
}

/** @param {number} bytes */
function megabytes(bytes) {
  return `${(bytes / 2 ** 20).toFixed(bytes < 2 ** 22 ? 2 : 0)} MB`;
}
