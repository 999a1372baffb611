/**
 * Single layers of the U-Net with all their gradients, batch 8, in turns with PyTorch: where a difference in training comes
 * from.
 *
 *     pnpm bench nn operators
 */

import { Tensor } from "@diffusiongym/core";
import { attribute, Engine, GraphBuilder, groupNorm, silu, vjp } from "@diffusiongym/nn";
import { takeTurns, timed } from "../../../tooling/bench/harness.mjs";
import { startTorch } from "../../../tooling/peers/peer.mjs";
import { waves } from "./shared/networks.mjs";

const threads = Number(process.env.THREADS ?? 2);
const batch = 8;
const torch = await startTorch({ threads });
const engine = new Engine({ threads });

/** @type {Record<string, (g: GraphBuilder, x: import("@diffusiongym/nn").GraphValue, out: number) => import("@diffusiongym/nn").GraphValue>} */
const layers = {
  conv: (g, x, out) => {
    const weight = g.input("weight", [out, Number(x.shape[1]), 3, 3]);
    const attributes = { pads: attribute.ints([1, 1, 1, 1]) };
    return g.emit("Conv", [x, weight, g.input("bias", [out])], { attributes })[0];
  },
  norm: (g, x) => silu(g, groupNorm(g, x, { name: "norm", groups: 32 })),
  attention: (g, x) => {
    const [, channels = 1, size = 1] = /** @type {number[]} */ (x.shape);
    const pixels = g.transpose(g.reshape(x, [batch, channels, size * size]), [0, 2, 1]);
    const scores = g.mul(g.matMul(pixels, g.transpose(pixels, [0, 2, 1])), 1 / Math.sqrt(channels));
    return g.matMul(g.softmax(scores), pixels);
  },
  upsample: (g, x) => {
    const mode = { mode: attribute.string("nearest"), coordinate_transformation_mode: attribute.string("asymmetric") };
    const attributes = { ...mode, nearest_mode: attribute.string("floor") };
    return g.emit("Resize", [x, undefined, g.floats([1, 1, 2, 2])], { attributes })[0];
  },
};

for (const [operation, channels, out, size] of /** @type {const} */ ([
  ["conv", 128, 128, 32],
  ["conv", 384, 128, 32],
  ["conv", 256, 256, 16],
  ["conv", 512, 256, 16],
  ["conv", 256, 256, 8],
  ["conv", 256, 256, 4],
  ["norm", 128, 128, 32],
  ["norm", 256, 256, 16],
  ["attention", 256, 256, 16],
  ["upsample", 256, 256, 8],
])) {
  const g = new GraphBuilder(operation);
  const y = layers[operation]?.(g, g.input("x", [batch, channels, size, size]), out);
  if (!y) throw new Error(`There is no layer "${operation}".`);
  g.output("y", y);
  const { graph } = g.build();
  const derivative = vjp(graph, { wrt: graph.inputs.map(({ name }) => name), keep: ["y"] });
  const feeds = derivative.graph.inputs.map(
    ({ name, shape }) => /** @type {const} */ ([name, waves(/** @type {number[]} */ (shape))]),
  );
  const executable = await engine.compile(derivative.graph);
  const outputs = await executable.run(Object.fromEntries(feeds));
  const bound = executable.bind({
    feeds,
    fetches: Object.entries(outputs).map(([name, { shape }]) => [name, Tensor.zeros(shape)]),
  });
  await torch?.ask({ do: "operation", operation, batch, channels, out, size });
  const calls = size > 8 ? 1 : 4;
  const peer = torch && { PyTorch: async () => (await torch.ask({ do: "time", what: "single", calls })).ms };
  const flop = 3 * 2 * batch * channels * out * 9 * size * size;
  await takeTurns(
    `${operation} ${channels === out ? channels : `${channels} to ${out}`}, ${size}x${size}, ${threads} threads`,
    { ours: timed(() => bound.run(), calls), ...peer },
    {
      repeats: 15,
      warmUp: 3,
      note: ({ medianMs }) => (operation === "conv" ? `${(flop / medianMs / 1e6).toFixed(0)} GFLOP/s` : ""),
    },
  );
  await executable.dispose();
}
await engine.dispose();
await torch?.stop();
