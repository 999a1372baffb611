import { GraphBuilder, type NetworkDefinition } from "../../graph/index.js";
import { conv2d, groupNorm, silu } from "../../layers/index.js";
import { sizeOfImage } from "../image-size.js";
import { type BlockContext, downBlock, midBlock, upBlock } from "./blocks.js";
import { completeUnet2dConfig, type Unet2dConfig } from "./config.js";
import { embedTimeAndClass } from "./embeddings.js";

/**
 * The U-Net of diffusers' `UNet2DModel` (after arXiv 2006.11239 and 1505.04597): residual blocks with an embedding of time and
 * attention at chosen resolutions, down to the coarsest and up again, with every block of the way up reading what the
 * way down left at its resolution. Inputs `x` [N, inChannels, H, W] and `t` [N], for conditioning on classes also
 * `classLabels`; output `output` [N, outChannels, H, W]. Parameter names are those of diffusers (`conv_in.weight`,
 * `down_blocks.0.resnets.0.norm1.weight`, ...), so that its checkpoints fit as they are; `loadUnet2d` reads them.
 *
 *     const network = Network.initialize(unet2d({ sampleSize: 32, blockOutChannels: [32, 64, 64, 64] }), RandomKey.fromSeed(0));
 *
 * Of a Fourier embedding, diffusers keeps the frequencies `time_proj.weight` as they start; here they are a parameter like
 * any other.
 * @throws ArgumentError naming the option that is unknown or makes no network
 */
export function unet2d(config: Unet2dConfig): NetworkDefinition {
  const complete = completeUnet2dConfig(config);
  const { sampleSize, inChannels, outChannels, blockOutChannels, normNumGroups, normEps } = complete;
  const g = new GraphBuilder("unet2d");
  const x = g.input("x", ["N", inChannels, ...sizeOfImage(sampleSize)]);
  const t = g.input("t", ["N"]);
  const time = g.mul(t, complete.timeMultiplier);
  const context: BlockContext = { g, config: complete, embedding: embedTimeAndClass(g, complete, time) };
  const image = complete.centerInputSample ? g.sub(g.mul(x, 2), 1) : x;
  let hidden = conv2d(g, image, { name: "conv_in", out: blockOutChannels[0]!, kernel: 3, padding: 1 });

  const skips = [hidden];
  const last = blockOutChannels.length - 1;
  blockOutChannels.forEach((out, index) => {
    skips.push(...downBlock(context, hidden, { index, out, isLast: index === last }));
    hidden = skips[skips.length - 1]!;
  });
  if (complete.midBlockType !== null) {
    hidden = midBlock(context, hidden);
  }
  [...blockOutChannels].reverse().forEach((out, index) => {
    hidden = upBlock(context, hidden, { index, out, isLast: index === last, skips });
  });

  hidden = silu(g, groupNorm(g, hidden, { name: "conv_norm_out", groups: normNumGroups, epsilon: normEps }));
  hidden = conv2d(g, hidden, { name: "conv_out", out: outChannels, kernel: 3, padding: 1 });
  g.output("output", complete.timeEmbeddingType === "fourier" ? g.div(hidden, g.unsqueeze(time, [1, 2, 3])) : hidden);
  return g.build();
}
