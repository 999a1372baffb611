/**
 * Ten thousand training steps of a small network, with graphs compiled and freed on the way; prints the resident memory every
 * thousand. It must stay flat.
 *
 *     pnpm bench nn soak
 */

import { Adam, clipGlobalNorm, Engine } from "@diffusiongym/nn";
import { inputsOf, network, squares, targetOf } from "./shared/networks.mjs";

const steps = Number(process.env.STEPS ?? 10_000);
const engine = new Engine({ threads: 1 });
const net = network("mlp_film", engine);
const adam = new Adam(net.parameters, { learningRate: 1e-3 });
const inputs = inputsOf("mlp_film", 32);
const feeds = { ...inputs, target: await targetOf(net, inputs) };
const fit = squares(net);
let made = 0;
const sizes = [];
for (let step = 0; step <= steps; step++) {
  await fit.run(feeds);
  clipGlobalNorm(net.gradients, 1);
  adam.update(net.gradients);
  if (step % 50 === 0) {
    // A frozen copy, and a network with graphs of its own: what adaptation makes for every evaluation.
    const frozen = net.freeze();
    await frozen.run(inputs);
    await frozen.dispose();
    const other = network("mlp_film", engine);
    await other.vjp(inputs, "ones", { wrt: ["x"] });
    await other.dispose();
    made += 2;
  }
  if (step % (steps / 10) === 0) {
    globalThis.gc?.();
    const { rss, heapUsed, arrayBuffers } = process.memoryUsage();
    const [resident, heap, buffers] = [rss, heapUsed, arrayBuffers].map((bytes) => (bytes / 1e6).toFixed(1));
    console.log(
      `step ${step}: resident ${resident} MB, heap ${heap} MB, arrays ${buffers} MB, ${made} sessions made and freed`,
    );
    sizes.push(rss / 1e6);
  }
}
await engine.dispose();
const [early, late] = [sizes[2] ?? Number.NaN, sizes.at(-1) ?? Number.NaN];
console.log(`from step ${(2 * steps) / 10} to ${steps}: ${(late - early).toFixed(1)} MB`);
if (!(late - early < 0.05 * early)) {
  console.error("Memory grows: more than 5 % after the first fifth of the steps.");
  process.exitCode = 1;
}
