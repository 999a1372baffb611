// Trains the network of `toy/gmm-mlp` on samples of `toy/gmm` and writes its parameters into the package's source.
// Run after `pnpm build`:  node tooling/models/train-gmm-mlp.mjs
// Seeded: the same machine and runtime give the same file. Takes about five minutes on two cores.
import { writeFile } from "node:fs/promises";
import { DDTensor, OptimalTransport, RandomKey } from "@diffusiongym/core";
import { progressLine, trainBaseModel } from "@diffusiongym/methods";
import { mlp, Network, NetworkModel } from "@diffusiongym/nn";
import { gmmMlpConfig, makeGmm } from "@diffusiongym/toy";

const target = new URL("../../packages/toy/src/network-model/gmm-mlp-parameters.ts", import.meta.url);
const exact = makeGmm();
const network = Network.initialize(mlp(gmmMlpConfig), RandomKey.fromSeed(0).fold("gmm-mlp"));
const model = new NetworkModel({ network, outputType: "velocity", scheduler: new OptimalTransport(), start: [1] });

await trainBaseModel(model, {
  data: (n, streams) => ({ x1: DDTensor.from(exact.mixture.sample(n, streams), [n, 1]) }),
  iterations: 12_000,
  batchSize: 1024,
  learningRate: 4e-3,
  averageDecay: 0.999,
  onReport: (report) => report.iteration % 500 === 0 && console.log(progressLine(report)),
});

const streams = RandomKey.fromSeed(1).streams();
const x1 = DDTensor.from(exact.mixture.sample(50_000, streams.fold("data")), [50_000, 1]);
const { xt, t } = model.trainingPair(x1, { streams });
const truth = exact.forward(xt, t);
const sum = (values) => values.reduce((total, value) => total + value, 0);
const error = (await model.forward(xt, t, {})).sub(truth);
console.log(
  `relative RMS error of the velocity: ${Math.sqrt(sum(error.squaredNorm()) / sum(truth.squaredNorm())).toFixed(4)}`,
);

const base64 = Buffer.from(network.parameters.toSafetensors()).toString("base64");
await writeFile(
  target,
  "/** Parameters of `toy/gmm-mlp`: a safetensors file in base64, written by tooling/models/train-gmm-mlp.mjs. */\n" +
    `export const gmmMlpParameters =\n  "${base64}";\n`,
);
console.log(`wrote ${base64.length} characters for ${network.parameters.size} parameters`);
