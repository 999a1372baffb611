// Trains the network of `images/scenes` on drawn scenes and writes its parameters, in 16 bits, into the package.
// Run after `pnpm build`:  node tooling/models/train-scenes.mjs [folder of checkpoints]
// Seeded: the same machine and runtime give the same file. One core is busy for about an hour; a run that was cut off goes on from
// its last checkpoint when it is started again with the same folder.
import { mkdir, writeFile } from "node:fs/promises";
import { DDTensor, OptimalTransport, RandomKey, Tensor } from "@diffusiongym/core";
import { scenesUnet } from "@diffusiongym/images";
import { FileStorage, progressLine, trainBaseModel } from "@diffusiongym/methods";
import { Adam, Engine, Network, NetworkModel, warmupSchedule, writeSafetensors } from "@diffusiongym/nn";
import { drawScene } from "./scenes/draw-scenes.mjs";

const folder = process.argv[2] ?? "runs/train-scenes";
const target = new URL("../../packages/images/weights/scenes.safetensors", import.meta.url);
const rate = 1.5e-3;
/** At the full rate first; then, from the running average and with moments of its own, down to 0. */
const phases = [
  { name: "full", iterations: 8500, seed: 0, learningRate: warmupSchedule({ steps: 500, followedBy: rate }) },
  { name: "falling", iterations: 3200, seed: 1, learningRate: fallingRate },
];

const pixels = 3 * 32 * 32;
/** Byte by byte, so that all fit in memory. */
const scenes = new Uint8Array(60_000 * pixels);
for (let i = 0; i < scenes.length / pixels; i++) {
  const scene = drawScene(RandomKey.fromSeed(0).fold("data").stream(i));
  scenes.set(
    scene.map((value) => Math.round(value * 255)),
    i * pixels,
  );
}

const network = Network.initialize(scenesUnet(), RandomKey.fromSeed(0).fold("scenes"), {
  engine: new Engine({ threads: 1 }),
});
const model = new NetworkModel({
  network,
  outputType: "velocity",
  scheduler: new OptimalTransport(),
  start: [3, 32, 32],
});
console.log(`${network.parameters.size} parameters, ${scenes.length / pixels} scenes`);

for (const { name, iterations, seed, learningRate } of phases) {
  let started = performance.now();
  let sum = 0;
  await trainBaseModel(model, {
    data: takeScenes,
    iterations,
    batchSize: 32,
    seed,
    optimizer: (parameters) => new Adam(parameters, { learningRate, beta2: 0.99 }),
    maxGradientNorm: 1,
    averageDecay: 0.999,
    storage: new FileStorage(`${folder}/${name}`),
    checkpointEvery: 500,
    onReport: (report) => {
      sum += report.metrics.loss;
      if (report.iteration % 100 > 0) return;
      const seconds = (performance.now() - started) / 1000;
      console.log(
        `${name}: ${progressLine(report)}  mean loss ${(sum / 100).toFixed(4)}  ${(3200 / seconds).toFixed(0)} scenes/s`,
      );
      started = performance.now();
      sum = 0;
    },
  });
}

const tensors = network.parameters.names.map((name) => {
  const { data, shape } = network.parameters.get(name);
  return [name, { data, shape, type: "F16" }];
});
const bytes = writeSafetensors(tensors);
await mkdir(new URL(".", target), { recursive: true });
await writeFile(target, bytes);
console.log(`wrote ${bytes.length} bytes for ${network.parameters.size} parameters`);

/** Rises shortly, falls slowly, and then faster. @param {number} step */
function fallingRate(step) {
  return rate * Math.min((step + 1) / 200, 1 - step / 5500, (3200 - step) / 2300);
}

/**
 * Scenes of those drawn, any of them again and again, in [-1, 1]. Half of the times are uniform; the others lie around the middle
 * of the path, where the errors are largest: 1 / (1 + exp(-z)) with z normal of mean 0.2 (after arXiv 2403.03206, section 3.1).
 * @param {number} n
 * @param {import("@diffusiongym/core").SampleStreams} streams
 */
function takeScenes(n, streams) {
  const data = new Float32Array(n * pixels);
  const t = new Float32Array(n);
  for (let i = 0; i < n; i++) {
    const stream = streams.at(i);
    const from = stream.integer(0, scenes.length / pixels) * pixels;
    for (let k = 0; k < pixels; k++) data[i * pixels + k] = (scenes[from + k] ?? 0) / 127.5 - 1;
    t[i] = stream.uniform() < 0.5 ? stream.uniform() : 1 / (1 + Math.exp(-0.2 - stream.normal()));
  }
  return { x1: new DDTensor(new Tensor(data, [n, 3, 32, 32])), t };
}
