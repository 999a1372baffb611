/**
 * What the layer over ONNX Runtime costs: `Network` against bare `session.run` calls on the same compiled graphs, with
 * parameters fed and gradients fetched in the same way, batch 512. The aim is a ratio below 1.03 for value and gradient.
 *
 *     pnpm bench nn mlp
 */

import { DDTensor, RandomKey, Tensor } from "@diffusiongym/core";
import {
  Adam,
  clipGlobalNorm,
  defaultOpset,
  Engine,
  GraphBuilder,
  meanSquaredError,
  Network,
  ValueNetwork,
  valueMlp,
  vjp,
  writeOnnx,
} from "@diffusiongym/nn";
import ort from "onnxruntime-node";
import { compare, measure } from "../../../tooling/bench/harness.mjs";

const batch = 512;
const dimension = 2;
const threads = Number(process.env.THREADS ?? 2);
const streams = RandomKey.fromSeed(0).fold("bench");
const x = DDTensor.randn(batch, [dimension], streams.streams());
const t = Float32Array.from({ length: batch }, (_, i) => (i + 0.5) / batch);
const targets = DDTensor.randn(batch, [], streams.fold("targets").streams()).data;
const weights = new Float32Array(batch).fill(1 / batch);

console.log(`onnxruntime-node ${ort.env.versions.node}, opset ${defaultOpset}, ${threads} threads, batch ${batch}`);
for (const width of [64, 256]) {
  await benchmark(width);
}

/** @param {number} width of the three hidden layers */
async function benchmark(width) {
  // Training calls these thousands of times, so what is timed is compiled code, which V8 has after a few thousand calls. The
  // narrow network comes first and warms the code that both share.
  const options = { warmUp: width === 64 ? 3000 : 50, repeats: 41, minimumMs: 40 };
  const engine = new Engine({ threads });
  const definition = valueMlp({ inDim: dimension, width, depth: 3, zeroStart: false });
  const network = Network.initialize(definition, RandomKey.fromSeed(0), { engine });
  const value = new ValueNetwork({ network });
  const title = `3x${width} SiLU MLP`;

  const differentiated = vjp(definition.graph, { wrt: ["x"], cotangents: "ones", keep: ["value"] });
  const bareValue = await bare(differentiated.graph, network, {}, { x: x.tensor, t: new Tensor(t, [batch]) });
  const valueAndGradient = {
    "bare session.run": bareValue,
    "ValueNetwork.valueAndGradient": () => value.valueAndGradient(x, t, {}),
  };
  await compare(`${title}, value and gradient`, valueAndGradient, options);

  const g = new GraphBuilder(definition.graph);
  const prediction = g.value("value");
  const [target, weight] = ["target", "weight"].map((name) => g.input(name, prediction.shape));
  g.output("loss", g.mul(meanSquaredError(g, { prediction, target, weights: weight }), batch));
  const training = vjp(g.build().graph, {
    wrt: network.parameters.names,
    outputs: ["loss"],
    cotangents: "ones",
    keep: ["loss", "value"],
  });
  const gradients = network.parameters.zerosLike();
  const fetches = Object.fromEntries(Array.from(training.gradients, ([name, output]) => [output, gradients.get(name)]));
  const bareTraining = await bare(training.graph, network, fetches, {
    x: x.tensor,
    t: new Tensor(t, [batch]),
    target: new Tensor(targets, [batch]),
    weight: new Tensor(weights, [batch]),
  });
  const forwardAndBackward = {
    "bare session.run": bareTraining,
    "ValueNetwork.regress": () => value.regress({ x, t, conditioning: {}, targets, weights }),
  };
  await compare(`${title}, forward and backward`, forwardAndBackward, options);

  const optimizer = new Adam(network.parameters, { learningRate: 0 });
  await measure(`${title}, clipping and Adam on ${network.parameters.size} parameters`, () => {
    clipGlobalNorm(network.gradients, 1);
    optimizer.update(network.gradients);
  });
  await engine.dispose();
}

/**
 * The cheapest way to run a graph: tensors of the runtime made once, for inputs, parameters and fetched gradients.
 *
 * @param {import("@diffusiongym/nn").Graph} graph
 * @param {Network} network
 * @param {Record<string, Tensor>} fetches
 * @param {Record<string, Tensor>} inputs
 */
async function bare(graph, network, fetches, inputs) {
  const session = await ort.InferenceSession.create(writeOnnx(graph), {
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    // As the engine has it, so that the ratio is that of the layer over the runtime; `SPIN=1` for the runtime's own default.
    extra: { session: { intra_op: { allow_spinning: process.env.SPIN ?? "0" } } },
  });
  const native = (/** @type {Tensor} */ { data, shape }) => new ort.Tensor("float32", data, shape);
  const feeds = Object.fromEntries(
    [...network.parameters, ...Object.entries(inputs)].map(([name, a]) => [name, native(a)]),
  );
  const targets = Object.fromEntries(
    graph.outputs.map((name) => [name, fetches[name] === undefined ? null : native(fetches[name])]),
  );
  return () => session.run(feeds, targets);
}
