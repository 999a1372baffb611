/**
 * One step of the SDE loop on `toy/gmm2d`, n = 4096, 100 steps, everything recorded: the time of a step and the share of it
 * that is not the model's. The aim is a step under 1 ms; the Python reference on PyTorch takes 1.4 ms.
 *
 *     pnpm bench toy rollout
 */

import { make } from "@diffusiongym/core";
import "@diffusiongym/toy";
import { measure } from "../../../tooling/bench/harness.mjs";

const n = 4096;
const steps = 100;
const environment = await make("toy/gmm2d", "toy/linear", { steps });
const { baseModel } = environment;
const forward = baseModel.forward.bind(baseModel);
let modelMs = 0;
baseModel.forward = (...given) => {
  const started = performance.now();
  const output = forward(...given);
  modelMs += performance.now() - started;
  return output;
};

let rollouts = 0;
let totalMs = 0;
const options = { repeats: 15, warmUp: 3, minimumMs: 50 };
for (const record of ["all", []]) {
  [rollouts, totalMs, modelMs] = [0, 0, 0];
  const { medianMs, spreadMs } = await measure(
    `toy/gmm2d, n = ${n}, ${steps} steps, ${record === "all" ? "everything" : "nothing"} recorded`,
    async () => {
      const started = performance.now();
      await environment.sample(n, { record, seed: rollouts });
      totalMs += performance.now() - started;
      rollouts += 1;
    },
    options,
  );
  const outside = 1 - modelMs / totalMs;
  console.log(
    `  a step: ${(medianMs / steps).toFixed(3)} ± ${(spreadMs / steps).toFixed(3)} ms, of which ${(100 * outside).toFixed(0)} % outside the model`,
  );
}
