/**
 * The U-Net of google/ddpm-cifar10-32 (35.7 million parameters, random weights) beside PyTorch: forward of 1 and 8 images, a
 * training step on 8, and the memory that training takes, each side in a process of its own. The aims are 1.2 times
 * PyTorch's speed forward, its speed in training, and no more memory.
 *
 *     pnpm bench nn unet
 */

import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { Tensor } from "@diffusiongym/core";
import { Adam, Engine, GraphBuilder } from "@diffusiongym/nn";
import { takeTurns, timed } from "../../../tooling/bench/harness.mjs";
import { startTorch } from "../../../tooling/peers/peer.mjs";
import { ddpmCifarFlop, inputsOf, network, squares, waves } from "./shared/networks.mjs";
import { loadInto } from "./shared/torch.mjs";

const threads = Number(process.env.THREADS ?? 2);
const repeats = Number(process.env.REPEATS ?? 7);
const torch = await startTorch({ threads, modules: ["torch", "diffusers"] });
const engine = new Engine({ threads });
const peer = (/** @type {string} */ what, calls = 1) =>
  torch && { PyTorch: async () => (await torch.ask({ do: "time", what, calls })).ms };

// What the machine can do at best: one large matrix product.
const size = 1536;
const g = new GraphBuilder("product");
g.output("y", g.matMul(g.input("a", [size, size]), g.input("b", [size, size])));
const product = await engine.compile(g.build().graph);
const ones = Tensor.full([size, size], 1);
const multiply = product.bind({
  feeds: [
    ["a", ones],
    ["b", ones],
  ],
  fetches: [["y", Tensor.zeros([size, size])]],
});
await torch?.ask({ do: "product", size });
const rate =
  (/** @type {number} */ flop) =>
  (/** @type {{ medianMs: number }} */ { medianMs }) =>
    `${(flop / medianMs / 1e6).toFixed(0)} GFLOP/s`;
await takeTurns(
  `a matrix product of ${size}, ${threads} threads`,
  { "ONNX Runtime": timed(() => multiply.run()), ...peer("single") },
  { repeats, note: rate(2 * size ** 3) },
);

const net = network("unet", engine);
const frozen = net.freeze();
if (torch) await loadInto(torch, net, { name: "unet", batch: 1 });
for (const batch of [1, 8]) {
  const inputs = inputsOf("unet", batch);
  await torch?.ask({ do: "feed", batch, shape: inputs.x.shape.slice(1) });
  await takeTurns(
    `forward, batch ${batch}, ${threads} threads`,
    { frozen: timed(() => frozen.run(inputs)), "parameters fed": timed(() => net.run(inputs)), ...peer("forward") },
    { repeats, note: rate(batch * ddpmCifarFlop) },
  );
}
await frozen.dispose();

const batch = 8;
const fit = squares(net);
const adam = new Adam(net.parameters, { learningRate: 1e-4 });
const inputs = inputsOf("unet", batch);
const feeds = { ...inputs, target: waves(inputs.x.shape) };
await takeTurns(
  `forward, backward and Adam, batch ${batch}, ${threads} threads`,
  {
    ours: timed(async () => {
      await fit.run(feeds);
      adam.update(net.gradients);
    }),
    ...peer("step"),
  },
  { repeats: Math.ceil(repeats / 2) + 1, warmUp: 2, note: rate(3 * batch * ddpmCifarFlop) },
);
await takeTurns("  of it Adam", { ours: timed(() => adam.update(net.gradients)) }, { repeats });
const script = fileURLToPath(new URL("shared/training-memory.mjs", import.meta.url));
const ours = Number(execFileSync(process.execPath, [script, String(batch), String(threads)], { encoding: "utf8" }));
console.log(`largest resident set in training, batch ${batch}: ours ${ours.toFixed(0)} MB`);
if (torch) {
  const fresh = await startTorch({ threads, modules: ["torch", "diffusers"] });
  if (fresh) {
    await loadInto(fresh, net, { name: "unet", batch });
    await fresh.ask({ do: "time", what: "step", calls: 3 });
    const { peakMB } = await fresh.ask({ do: "memory" });
    console.log(`  PyTorch ${peakMB.toFixed(0)} MB`);
    await fresh.stop();
  }
  await torch.stop();
}
await engine.dispose();
