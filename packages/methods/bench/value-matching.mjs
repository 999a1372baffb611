/**
 * One iteration of value matching on four modes in the plane (N = 32, B = 256, 3 x 64 SiLU), split by phase.
 *
 *     pnpm bench methods value
 */

import { make, RandomKey } from "@diffusiongym/core";
import { ValueMatching } from "@diffusiongym/methods";
import { Network, ValueNetwork, valueMlp } from "@diffusiongym/nn";
import "@diffusiongym/toy";

const iterations = 60;
const environment = await make("toy/gmm2d", "toy/linear", { steps: 32, rewardScale: 0.5 });
const network = Network.initialize(valueMlp({ inDim: 2 }), RandomKey.fromSeed(0));
const value = new ValueNetwork({ network });

/** Milliseconds spent in each phase, summed. */
const spent = { "base model": 0, "value gradient (rollout)": 0, "loss and parameter gradients": 0, total: 0 };

/** Adds the time of a method's calls to a phase. */
function clock(object, name, phase) {
  const inner = object[name].bind(object);
  object[name] = async (...given) => {
    const started = performance.now();
    const result = await inner(...given);
    spent[phase] += performance.now() - started;
    return result;
  };
}

clock(environment.baseModel, "forward", "base model");
clock(value, "gradient", "value gradient (rollout)");
clock(value, "regress", "loss and parameter gradients");
const method = new ValueMatching({
  environment,
  value,
  iterations: iterations + 10,
  batchSize: 256,
  learningRate: 3e-3,
});
for (let i = 0; i < 10; i++) await method.iterate();
for (const phase of Object.keys(spent)) spent[phase] = 0;
const times = [];
for (let i = 0; i < iterations; i++) {
  const started = performance.now();
  await method.iterate();
  times.push(performance.now() - started);
}
spent.total = times.reduce((sum, time) => sum + time, 0);
const rest = 2 * spent.total - Object.values(spent).reduce((sum, time) => sum + time, 0);
const sorted = times.sort((a, b) => a - b);
const middle = sorted[Math.floor(iterations / 2)];
const deviation = sorted.map((time) => Math.abs(time - middle)).sort((a, b) => a - b)[Math.floor(iterations / 2)];
console.log(`an iteration: ${middle.toFixed(1)} ± ${deviation.toFixed(1)} ms (${iterations} runs)`);
for (const [phase, time] of [...Object.entries(spent), ["noise, SDE, targets, optimizer", rest]]) {
  if (phase !== "total") {
    console.log(`  ${phase}: ${(time / iterations).toFixed(2)} ms, ${((100 * time) / spent.total).toFixed(0)} %`);
  }
}
