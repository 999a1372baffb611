import { GraphBuilder, type NetworkDefinition, zeros } from "../graph/index.js";
import {
  type ActivationName,
  activate,
  conv2d,
  groupNorm,
  residualBlock,
  sinusoidalTimeEmbedding,
} from "../layers/index.js";
import { type ImageSize, sizeOfImage } from "./image-size.js";

/** Configuration of `cnn`. */
export interface CnnConfig {
  /** Channels of an image. */
  readonly inChannels: number;
  /** Channels of the output. @default inChannels */
  readonly outChannels?: number;
  /** Height and width. @default any, decided by each run */
  readonly size?: ImageSize;
  /** Channels of the blocks. @default 32 */
  readonly width?: number;
  /** Number of residual blocks, each of which sees 2 pixels further in every direction. @default 4 */
  readonly depth?: number;
  /** Groups of the norms; they divide the width. @default 8 */
  readonly groups?: number;
  /** Number of sinusoidal features of time. @default 64 */
  readonly timeDim?: number;
  /** Length of the time embedding. @default 4 width */
  readonly condDim?: number;
  /** @default "silu" */
  readonly activation?: ActivationName;
  /** See `sinusoidalFeatures`. @default 1000 */
  readonly windowSize?: number;
  /** See `sinusoidalFeatures`. @default 1000 */
  readonly timeMultiplier?: number;
}

/**
 * A small time-conditioned network of images: a convolution, `depth` residual blocks at full resolution that the time
 * embedding enters, and a convolution that starts at zero. For fields without far-reaching structure; `unet2d` sees whole images.
 * Inputs `x` [N, inChannels, H, W] and `t` [N], output `output` [N, outChannels, H, W]; parameter names `time_embed.mlp.*`,
 * `conv_in.*`, `blocks.<i>.*` (those of `residualBlock`), `norm_out.*`, `conv_out.*`.
 */
export function cnn(config: CnnConfig): NetworkDefinition {
  const { inChannels, outChannels = inChannels, width = 32, depth = 4, groups = 8, activation = "silu" } = config;
  const { timeDim = 64, condDim = 4 * width } = config;
  const g = new GraphBuilder("cnn");
  const x = g.input("x", ["N", inChannels, ...sizeOfImage(config.size)]);
  const t = g.input("t", ["N"]);
  const embedding = sinusoidalTimeEmbedding(g, t, { ...config, name: "time_embed", dim: timeDim, out: condDim });
  let hidden = conv2d(g, x, { name: "conv_in", out: width, kernel: 3, padding: 1 });
  for (let block = 0; block < depth; block++) {
    hidden = residualBlock(g, hidden, { name: `blocks.${block}`, embedding, groups, activation });
  }
  hidden = activate(g, groupNorm(g, hidden, { name: "norm_out", groups }), activation);
  g.output(
    "output",
    conv2d(g, hidden, { name: "conv_out", out: outChannels, kernel: 3, padding: 1, initialization: zeros }),
  );
  return g.build();
}
