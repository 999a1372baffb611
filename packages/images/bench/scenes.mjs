/**
 * Sampling `images/scenes`, 64 images in 100 steps: images a second; what the environment adds to bare ONNX Runtime calls on the same
 * graph with parameters fed in the same way, where the aim is a ratio below 1.03; and the memory that the rollout takes, with the
 * trajectory kept and without.
 *
 *     pnpm bench images scenes
 */

import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { DDTensor, Environment, RandomKey } from "@diffusiongym/core";
import { BrightnessReward, loadScenesModel } from "@diffusiongym/images";
import { Engine, writeOnnx } from "@diffusiongym/nn";
import ort from "onnxruntime-node";
import { compare, measure } from "../../../tooling/bench/harness.mjs";

const n = 64;
const threads = Number(process.env.THREADS ?? 2);
const repeats = Number(process.env.REPEATS ?? 9);
const engine = new Engine({ threads });
const model = await loadScenesModel({ engine });
console.log(`onnxruntime-node ${ort.env.versions.node}, ${threads} threads, batch ${n}`);

const whole = new Environment(model, new BrightnessReward(), { steps: 100 });
const { medianMs } = await measure("100 steps", () => whole.sample(n, { seed: 0 }), {
  repeats: Math.ceil(repeats / 3),
  warmUp: 1,
});
console.log(`  ${((1000 * n) / medianMs).toFixed(1)} images a second`);

const steps = 10;
const { graph, parameters } = model.network;
const session = await ort.InferenceSession.create(writeOnnx(graph), {
  intraOpNumThreads: threads,
  interOpNumThreads: 1,
  // As the engine has it.
  extra: { session: { intra_op: { allow_spinning: "0" } } },
});
const x = DDTensor.randn(n, [3, 32, 32], RandomKey.fromSeed(0).streams());
const feeds = Object.fromEntries(
  [...parameters, ["x", x.tensor], ["t", { data: new Float32Array(n).fill(0.5), shape: [n] }]].map(
    ([name, { data, shape }]) => [name, new ort.Tensor("float32", data, shape)],
  ),
);
const short = new Environment(model, new BrightnessReward(), { steps });
await compare(
  `${steps} steps`,
  {
    "bare session.run": async () => {
      for (let step = 0; step < steps; step++) await session.run(feeds, { output: null });
    },
    "env.sample": () => short.sample(n, { seed: 0 }),
  },
  { repeats, warmUp: 1 },
);

const frozen = model.network.freeze();
const inputs = { x: x.tensor, t: DDTensor.from(new Array(n).fill(0.5)).tensor };
await compare(
  "the network alone",
  { "parameters fed": () => model.network.run(inputs), frozen: () => frozen.run(inputs) },
  { repeats, warmUp: 1 },
);
await frozen.dispose();
await engine.dispose();

const script = fileURLToPath(new URL("shared/rollout-memory.mjs", import.meta.url));
const megabytes = (/** @type {string} */ recorded) =>
  Number(execFileSync(process.execPath, [script, recorded, String(threads)], { encoding: "utf8" }));
const [none, plain, kept] = ["nothing-sampled", "sample", "trajectory"].map(megabytes);
console.log("largest resident memory of a process that samples 64 images in 100 steps, in MB");
console.log(`  model loaded and run once, nothing sampled: ${none.toFixed(0)}`);
console.log(`  sampled: ${plain.toFixed(0)}, ${(plain - none).toFixed(0)} more`);
console.log(`  sampled, trajectory kept: ${kept.toFixed(0)}, ${(kept - none).toFixed(0)} more`);
