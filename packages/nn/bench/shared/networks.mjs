import { RandomKey, Tensor } from "@diffusiongym/core";
import {
  conv2d,
  GraphBuilder,
  groupNorm,
  linear,
  meanSquaredError,
  mlp,
  Network,
  silu,
  unet2d,
} from "@diffusiongym/nn";

/** The configuration of google/ddpm-cifar10-32, in diffusers' spelling. */
export const ddpmCifar = {
  sample_size: 32,
  in_channels: 3,
  out_channels: 3,
  block_out_channels: [128, 256, 256, 256],
  layers_per_block: 2,
  down_block_types: ["DownBlock2D", "AttnDownBlock2D", "DownBlock2D", "DownBlock2D"],
  up_block_types: ["UpBlock2D", "UpBlock2D", "AttnUpBlock2D", "UpBlock2D"],
  attention_head_dim: null,
  norm_num_groups: 32,
  norm_eps: 1e-6,
  downsample_padding: 0,
  flip_sin_to_cos: false,
  freq_shift: 1,
};

/** Multiplications and additions of one image in one forward pass of that network, counted from its convolutions and products. */
export const ddpmCifarFlop = 12.44e9;

const camelCase = (/** @type {string} */ name) => name.replace(/_[a-z]/g, (part) => part.charAt(1).toUpperCase());

/** The networks that are compared, by the name that the peers know them by. */
export const networks = {
  mlp_film: {
    shape: [2],
    config: undefined,
    make: () => mlp({ inDim: 2, timeDim: 32, condDim: 48, depth: 2, width: 256 }),
  },
  cnn_value: { shape: [3, 16, 16], config: undefined, make: cnnValue },
  unet: {
    shape: [3, 32, 32],
    config: ddpmCifar,
    make: () => unet2d(Object.fromEntries(Object.entries(ddpmCifar).map(([name, value]) => [camelCase(name), value]))),
  },
};

/** The value network of the goldens: three convolutions, two group norms, a mean over the image. */
function cnnValue() {
  const g = new GraphBuilder("cnn_value");
  const x = g.input("x", ["N", 3, 16, 16]);
  const t = g.input("t", ["N"]);
  const first = conv2d(g, x, { name: "c1", out: 16, kernel: 3, padding: 1 });
  const h1 = silu(g, groupNorm(g, first, { name: "g1", groups: 4 }));
  const second = conv2d(g, h1, { name: "c2", out: 32, kernel: 3, padding: 1, stride: 2 });
  const h2 = silu(g, groupNorm(g, second, { name: "g2", groups: 8 }));
  const angles = g.mul(g.unsqueeze(t, [1]), g.floats([1, 2, 3, 4]));
  const time = linear(g, g.concat([g.sin(angles), g.cos(angles)], 1), { name: "t", out: 32 });
  const third = conv2d(g, h2, { name: "c3", out: 32, kernel: 3, padding: 1, stride: 2 });
  const h3 = silu(g, g.add(third, g.unsqueeze(time, [2, 3])));
  g.output("output", g.squeeze(linear(g, g.reduceMean(h3, { axes: [2, 3] }), { name: "l", out: 1 }), [1]));
  return g.build();
}

/** Numbers without a pattern, the same on both sides: sin(1.7 i). */
export function waves(/** @type {readonly number[]} */ shape) {
  const data = new Float32Array(shape.reduce((product, length) => product * length, 1));
  return new Tensor(
    data.map((_, i) => Math.sin(i * 1.7)),
    shape,
  );
}

/** A batch of inputs. */
export function inputsOf(/** @type {keyof typeof networks} */ name, /** @type {number} */ batch) {
  const t = Float32Array.from({ length: batch }, (_, i) => (i + 0.5) / batch);
  return { x: waves([batch, ...networks[name].shape]), t: new Tensor(t, [batch]) };
}

/** A network that starts from seed 0. */
export function network(
  /** @type {keyof typeof networks} */ name,
  /** @type {import("@diffusiongym/nn").Engine} */ engine,
) {
  return Network.initialize(networks[name].make(), RandomKey.fromSeed(0), { engine });
}

/** A target that is never reached: small gradients would end in denormal numbers, which are slow on both sides. */
export async function targetOf(/** @type {Network} */ net, /** @type {Record<string, Tensor>} */ inputs) {
  const [output] = Object.values(await net.run(inputs));
  return waves(output?.shape ?? []);
}

/** The mean squared distance of the output to `target`. */
export function squares(/** @type {Network} */ net) {
  const [output] = net.outputs;
  return net.lossGradient((g, outputs) => {
    const prediction = outputs[output ?? ""];
    if (!prediction) throw new Error("The network has no output.");
    return meanSquaredError(g, { prediction, target: g.input("target", prediction.shape) });
  });
}
