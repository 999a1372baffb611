// Trains the network of `molecules/small` on the molecules of tooling/models/molecules and writes its parameters into the
// package's assets. Run after `pnpm build`:
//
//     node tooling/models/train-molecules.mjs FOLDER                  # on aligned noise, continuing what FOLDER holds
//     node tooling/models/train-molecules.mjs FOLDER --finish STEPS   # then on noise as it is drawn, from the last checkpoint
//     node tooling/models/train-molecules.mjs FOLDER --pack           # writes the parameters of the last checkpoint, at any time
//
// Aligned noise teaches geometry sooner, but only with noise as it is drawn is the endpoint that the network predicts the one
// that processes with noise need. A step takes 0.13 s on one core.
//
// The script is seeded. The weights that are shipped were made by it in three parts: 5 000 and 6 000 steps on aligned noise at
// a constant rate, and `--finish 7000`; the data of the first part held 118 molecules more, which the enumeration has since
// learned to leave out.
import { readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { Cosine, FeatureSchedulers, RandomKey } from "@diffusiongym/core";
import { FileStorage, progressLine, trainBaseModel } from "@diffusiongym/methods";
import {
  descriptionField,
  FlowMolModel,
  FlowMolTraining,
  flowMolNetwork,
  fromMolecules,
  qm9Atoms,
  smallConfiguration,
  smallLossWeights,
  smallSchedule,
} from "@diffusiongym/molecules";
import { Engine, Network, readSafetensors } from "@diffusiongym/nn";
import { readDataSet } from "./molecules/data-file.mjs";

const [folder, ...flags] = process.argv.slice(2);
if (folder === undefined) {
  throw new Error("Say where checkpoints go: node tooling/models/train-molecules.mjs FOLDER");
}
const dataFile = new URL("./molecules/small-molecules.json.gz", import.meta.url);
const target = new URL("../../packages/molecules/assets/small.safetensors", import.meta.url);

// Molecules of up to six heavy atoms, so that an hour of training goes far.
const heavyAtoms = ({ elements }) => elements.filter((element) => element !== "H").length;
const molecules = (await readDataSet(process.env.MOLECULES ?? dataFile)).molecules.filter(
  (one) => heavyAtoms(one) <= 6,
);
// A twentieth is held back to see how the loss does on molecules that were not trained on.
const order = RandomKey.fromSeed(0).fold("split").stream().permutation(molecules.length);
const held = Math.round(molecules.length / 20);
const all = fromMolecules(molecules);
const [heldBack, x1] = [all.take(order.subarray(0, held)), all.take(order.subarray(held))];

const histogram = new Map();
for (const count of all.structure.atomCounts) {
  histogram.set(count, (histogram.get(count) ?? 0) + 1);
}
const counts = [...histogram.keys()].sort((a, b) => a - b);
const atomCounts = { counts, weights: counts.map((count) => histogram.get(count)) };

const definition = flowMolNetwork(smallConfiguration);
const network = Network.initialize(definition, RandomKey.fromSeed(0).fold("molecules/small"), {
  engine: new Engine({ threads: 1 }),
});
const model = new FlowMolModel({
  network,
  atoms: qm9Atoms,
  scheduler: new FeatureSchedulers(
    Object.fromEntries(Object.entries(smallSchedule).map(([name, nu]) => [name, new Cosine(nu)])),
  ),
  atomCounts,
  alignment: { rounds: 2 },
  lossWeights: smallLossWeights,
});

async function pack(parameters) {
  const description = { configuration: smallConfiguration, schedule: smallSchedule, atomCounts };
  const bytes = parameters.toSafetensors({ [descriptionField]: JSON.stringify(description) });
  await writeFile(target, bytes);
  console.log(`wrote ${bytes.length} bytes for ${parameters.size} parameters`);
}

const iterations = Number(process.env.ITERATIONS ?? 20_500);
/** Rises, stays, and falls to 0 over the last third. */
const peak = 1.5e-3;
const schedule = (step) => peak * Math.min(1, (step + 1) / 200, (3 * (iterations - step)) / iterations);

/** What the last checkpoint of a run holds under a prefix, and the iteration that it was written after. */
async function readCheckpoint(prefix) {
  const { tensors, metadata } = readSafetensors(await readFile(path.join(folder, "checkpoint.safetensors")));
  const arrays = network.parameters.names.map((name) => [name, tensors.get(`${prefix}/${name}`).data]);
  network.parameters.restore(new Map(arrays));
  return Number(metadata.iteration);
}

async function fit(trained, options) {
  console.log(`${x1.length} molecules, ${network.parameters.size} parameters`);
  await trainBaseModel(new FlowMolTraining(trained), {
    data: { x1 },
    batchSize: 32,
    maxGradientNorm: 1,
    averageDecay: 0.999,
    timeRange: [0, 1],
    checkpointEvery: 500,
    onReport: (report) => report.iteration % 100 === 0 && console.log(progressLine(report)),
    ...options,
  });
  const losses = await trained.trainLoss(heldBack, { streams: RandomKey.fromSeed(1).streams() });
  console.log(
    `loss on molecules held back: ${(losses.reduce((sum, loss) => sum + loss, 0) / losses.length).toFixed(4)}`,
  );
  await pack(network.parameters);
}

if (flags[0] === "--pack") {
  await readCheckpoint("average");
  await pack(network.parameters);
} else if (flags[0] === "--finish") {
  const steps = Number(flags[1]);
  const done = await readCheckpoint("model");
  console.log(`from ${done} of ${iterations} iterations, ${steps} more on noise as it is drawn`);
  await fit(model.withOptions({ alignment: false }), {
    iterations: steps,
    learningRate: (step) => peak * Math.min(1, (step + 1) / 50, (2 * (steps - step)) / steps),
    seed: 1,
    storage: new FileStorage(path.join(folder, "finish")),
  });
} else {
  await fit(model, { iterations, learningRate: schedule, storage: new FileStorage(folder) });
}
