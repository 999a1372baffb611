/**
 * Beside jax-js (Wasm) in Node: the gradient of a SiLU network, and a convolution of the size of a U-Net's.
 *
 *     pnpm bench nn jax
 */

import { RandomKey } from "@diffusiongym/core";
import { conv2d, Engine, GraphBuilder, linear, meanSquaredError, Network, silu } from "@diffusiongym/nn";
import { takeTurns, timed } from "../../../tooling/bench/harness.mjs";
import { convolution, mlpGradient } from "../../../tooling/peers/jax.mjs";
import { waves } from "./shared/networks.mjs";

const threads = Number(process.env.THREADS ?? 1);
const engine = new Engine({ threads });

const g = new GraphBuilder("mlp");
let hidden = g.input("x", ["N", 2]);
const widths = [256, 256, 256, 2];
widths.forEach((out, i) => {
  const sum = linear(g, hidden, { name: `layers.${i}`, out });
  hidden = i < widths.length - 1 ? silu(g, sum) : sum;
});
g.output("y", hidden);
const net = Network.initialize(g.build(), RandomKey.fromSeed(0), { engine });
const batch = { x: waves([512, 2]), target: waves([512, 2]) };
const fit = net.lossGradient((builder, { y }) => {
  if (!y) throw new Error("The network has no output y.");
  return meanSquaredError(builder, { prediction: y, target: builder.input("target", y.shape) });
});
const layers = widths.map((out, i) => {
  const weight = net.parameters.get(`layers.${i}.weight`);
  const inputs = weight.shape[1] ?? 0;
  const turned = weight.data.map((_, at) => weight.data[(at % out) * inputs + Math.floor(at / out)] ?? Number.NaN);
  return { weight: { data: turned, shape: [inputs, out] }, bias: net.parameters.get(`layers.${i}.bias`) };
});
const jaxGradient = mlpGradient(layers, batch.x, batch.target);
const [loss, jaxLoss] = [(await fit.run(batch)).loss, await jaxGradient()];
if (!(Math.abs(loss - jaxLoss) < 1e-4 * loss)) throw new Error(`The losses differ: ${loss} and ${jaxLoss}.`);
await takeTurns(
  `gradient of a 3x256 SiLU network, batch 512, ${threads} threads`,
  { ours: timed(() => fit.run(batch), 5), "jax-js": timed(jaxGradient) },
  { repeats: 15 },
);

const c = new GraphBuilder("convolution");
c.output("y", conv2d(c, c.input("x", [8, 64, 32, 32]), { name: "c", out: 64, kernel: 3, padding: 1, bias: false }));
const layer = Network.initialize(c.build(), RandomKey.fromSeed(0), { engine });
const image = { x: waves([8, 64, 32, 32]) };
const jaxConvolution = convolution(image.x, layer.parameters.get("c.weight"));
const [{ y }, theirs] = [await layer.run(image), await jaxConvolution()];
const worst = Math.max(
  ...Array.from(theirs.subarray(0, 4096), (value, i) => Math.abs(value - (y?.data[i] ?? Number.NaN))),
);
if (!(worst < 1e-4)) throw new Error(`The convolutions differ by ${worst}.`);
await takeTurns(
  `convolution of 64 to 64 channels, 8 images of 32x32, ${threads} threads`,
  { ours: timed(() => layer.run(image), 5), "jax-js": timed(jaxConvolution) },
  { repeats: 5, warmUp: 1 },
);
await engine.dispose();
