import { requireKnown } from "@diffusiongym/core";
import type { GraphBuilder, GraphValue } from "../graph/index.js";
import { type ActivationName, activate } from "./activations.js";
import { channelsOf, conv2d } from "./convolution.js";
import { groupNorm } from "./group-norm.js";
import { linear } from "./linear.js";
import { averagePool2d, upsample2d } from "./resampling.js";

/** How an embedding of time enters a residual block. */
export type TimeNormalization = "default" | "scale_shift";

/** Options of `residualBlock`. */
export interface ResidualBlockOptions {
  /**
   * Parameter names are `<name>.norm1.*`, `<name>.conv1.*`, `<name>.time_emb_proj.*`, `<name>.norm2.*`, `<name>.conv2.*`, and
   * `<name>.conv_shortcut.*` where the number of channels changes.
   */
  readonly name: string;
  /** Channels of the result. @default those of x */
  readonly out?: number;
  /** An embedding of time, of shape [N, any]. @default none */
  readonly embedding?: GraphValue | undefined;
  /** `"default"` adds a projection of it before the second norm, `"scale_shift"` scales and shifts behind it. @default "default" */
  readonly timeNormalization?: TimeNormalization;
  /** Groups of both norms. @default 32 */
  readonly groups?: number;
  /** Added to variances. @default 1e-6 */
  readonly epsilon?: number;
  /** @default "silu" */
  readonly activation?: ActivationName;
  /** Halves (mean of 2 x 2 pixels) or doubles (repeats them) height and width. @default neither */
  readonly resample?: "down" | "up" | undefined;
  /** What the sum is divided by. @default 1 */
  readonly outputScale?: number;
}

/**
 * x' + Conv(act(Norm(Conv(act(Norm(x))) + Linear(act(embedding))))) with group norms and 3 x 3 convolutions, x' being x or a
 * 1 x 1 convolution of it (after arXiv 2006.11239, appendix B): the `ResnetBlock2D` of diffusers, without dropout.
 * @param g the builder
 * @param x of shape [N, channels, H, W]
 * @returns a value of shape [N, out, H, W], with `resample` half or double the height and width
 * @throws ShapeError when the groups do not divide the channels; ArgumentError for an unknown option
 */
export function residualBlock(g: GraphBuilder, x: GraphValue, options: ResidualBlockOptions): GraphValue {
  const { name, embedding, timeNormalization = "default", groups = 32, epsilon = 1e-6 } = options;
  const { activation = "silu", resample, outputScale = 1 } = options;
  requireKnown("residualBlock: unknown timeNormalization", timeNormalization, ["default", "scale_shift"], "options");
  const channels = channelsOf(x, `residualBlock "${name}"`);
  const { out = channels } = options;
  const active = (value: GraphValue): GraphValue => activate(g, value, activation);
  const norm = (value: GraphValue, part: string): GraphValue =>
    groupNorm(g, value, { name: `${name}.${part}`, groups, epsilon });
  const convolve = (value: GraphValue, part: string): GraphValue =>
    conv2d(g, value, { name: `${name}.${part}`, out, kernel: 3, padding: 1 });

  let hidden = convolve(resampled(g, active(norm(x, "norm1")), resample), "conv1");
  if (embedding === undefined) {
    hidden = norm(hidden, "norm2");
  } else {
    const scales = timeNormalization === "scale_shift";
    const projection = { name: `${name}.time_emb_proj`, out: scales ? 2 * out : out };
    const projected = g.unsqueeze(linear(g, active(embedding), projection), [2, 3]);
    if (scales) {
      const [scale, shift] = g.split(projected, [out, out], 1);
      hidden = g.add(g.mul(norm(hidden, "norm2"), g.add(scale!, 1)), shift!);
    } else {
      hidden = norm(g.add(hidden, projected), "norm2");
    }
  }
  hidden = convolve(active(hidden), "conv2");
  let direct = resampled(g, x, resample);
  if (out !== channels) {
    direct = conv2d(g, direct, { name: `${name}.conv_shortcut`, out, kernel: 1 });
  }
  return g.div(g.add(direct, hidden), outputScale);
}

function resampled(g: GraphBuilder, x: GraphValue, way: "down" | "up" | undefined): GraphValue {
  switch (way) {
    case undefined:
      return x;
    case "down":
      return averagePool2d(g, x, { kernel: 2 });
    case "up":
      return upsample2d(g, x);
  }
}
