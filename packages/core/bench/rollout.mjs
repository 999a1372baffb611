// What a rollout costs beside the model: a model that returns its input, so that everything measured is ours, against a
// bare loop over arrays that does the same arithmetic with the same noise.
import { BaseModel, DDTensor, Environment, OptimalTransport, RandomKey, ZeroReward } from "@diffusiongym/core";
import { compare, measure } from "../../../tooling/bench/harness.mjs";

const [n, dimensions, steps] = [4096, 2, 100];

class Identity extends BaseModel {
  outputType = "velocity";
  scheduler = new OptimalTransport();

  sampleP0(count, streams, conditioning) {
    return { x: DDTensor.randn(count, [dimensions], streams), conditioning };
  }

  forward(x) {
    return x;
  }
}

const environment = new Environment(new Identity(), new ZeroReward(), { steps });

function bareLoop() {
  const key = RandomKey.fromSeed(0);
  const times = environment.timesteps;
  const noise = new Float32Array(n * dimensions);
  let x = DDTensor.randn(n, [dimensions], key.fold("p0").streams()).data;
  const noiseKey = key.fold("noise");
  for (let k = 0; k < steps; k++) {
    const [t, dt] = [times[k], times[k + 1] - times[k]];
    const streams = noiseKey.fold(k).streams();
    for (let i = 0; i < n; i++) streams.at(i).fillNormal(noise, i * dimensions, (i + 1) * dimensions);
    const spread = Math.sqrt((2 * (1 - t)) / t) * Math.sqrt(dt);
    const next = new Float32Array(x.length);
    for (let i = 0; i < next.length; i++) next[i] = x[i] + dt * (2 * x[i] - x[i] / t) + spread * noise[i];
    x = next;
  }
  return x;
}

const options = { repeats: 15 };
const bare = bareLoop();
const { latent } = await environment.sample(n);
const difference = Math.max(...latent.data.map((value, i) => Math.abs(value - bare[i]) / Math.max(1, Math.abs(value))));
if (difference > 1e-4) throw new Error(`The bare loop computes something else, by ${difference}.`);

const result = await compare(
  `rollout of ${n} x ${dimensions}, ${steps} steps, a model that costs nothing`,
  { "bare loop": bareLoop, sample: () => environment.sample(n) },
  options,
);
const perStep = (1000 * (result.candidate.medianMs - result.baseline.medianMs)) / steps;
console.log(`  beside noise and update: ${perStep.toFixed(1)} µs a step`);

const all = await measure("the same, everything recorded", () => environment.sample(n, { record: "all" }), options);
console.log(`  ${((1000 * all.medianMs) / steps).toFixed(0)} µs a step`);

const controlled = environment.withPolicies({ controlPolicy: { control: (x) => x } });
const costs = await measure("the same, with a control", () => controlled.sample(n, { record: "all" }), options);
console.log(`  ${((1000 * costs.medianMs) / steps).toFixed(0)} µs a step`);

const one = await measure("one sample, 100 steps: the fixed cost", () => environment.sample(1), options);
console.log(`  ${((1000 * one.medianMs) / steps).toFixed(1)} µs a step`);
