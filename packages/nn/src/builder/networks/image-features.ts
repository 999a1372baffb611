import type { GraphBuilder, GraphValue } from "../graph/index.js";
import { activate, conv2d, groupNorm, linear, type SmoothActivationName } from "../layers/index.js";

/** Options of `imageFeatures`. */
export interface ImageFeaturesOptions {
  /** Parameter names are `<name><i>.conv.*`, `<name><i>.norm.*` and `<name><i>.condition.*`. */
  readonly name: string;
  /** Channels of each stage; each but the first halves height and width. */
  readonly widths: readonly number[];
  /** Groups of the norms. */
  readonly groups: number;
  readonly activation: SmoothActivationName;
  /** What is added to the channels of every stage after a linear layer: [N, any]. */
  readonly condition: GraphValue;
}

/**
 * Numbers that describe images: stages act(GroupNorm(Conv(x)) + Linear(condition)) of 3 x 3 convolutions, then the mean over
 * all pixels.
 * @param g the builder
 * @param x of shape [N, channels, H, W]
 * @returns features of shape [N, last of widths]
 */
export function imageFeatures(g: GraphBuilder, x: GraphValue, options: ImageFeaturesOptions): GraphValue {
  const { name, widths, groups, activation, condition } = options;
  let hidden = x;
  widths.forEach((out, stage) => {
    const part = (layer: string): string => `${name}${stage}.${layer}`;
    const stride = stage === 0 ? 1 : 2;
    hidden = conv2d(g, hidden, { name: part("conv"), out, kernel: 3, padding: 1, stride });
    hidden = groupNorm(g, hidden, { name: part("norm"), groups });
    hidden = g.add(hidden, g.unsqueeze(linear(g, condition, { name: part("condition"), out }), [2, 3]));
    hidden = activate(g, hidden, activation);
  });
  return g.reduceMean(hidden, { axes: [2, 3] });
}
