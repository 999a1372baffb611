import { attribute } from "../../ir/index.js";
import { type GraphBuilder, type GraphValue, ones, zeros } from "../graph/index.js";
import { channelsOf } from "./convolution.js";

/** Options of `instanceNorm`. */
export interface InstanceNormOptions {
  /** Parameter names are `<name>.weight` and `<name>.bias`. */
  readonly name: string;
  /** Whether the normalised channels are scaled and shifted by parameters. @default false, as PyTorch's */
  readonly affine?: boolean;
  /** Added to the variance. @default 1e-5 */
  readonly epsilon?: number;
}

/**
 * y = (x - mean) / sqrt(var + epsilon) with mean and variance of each channel of each sample over space (arXiv 1607.08022),
 * PyTorch's `nn.InstanceNorm1d`, `2d`, `3d`, without running statistics.
 * @param g the builder
 * @param x of shape [N, channels, length, ...], with `channels` a number
 */
export function instanceNorm(g: GraphBuilder, x: GraphValue, options: InstanceNormOptions): GraphValue {
  const { name, affine = false, epsilon = 1e-5 } = options;
  const channels = channelsOf(x, `instanceNorm "${name}"`);
  const filled = (value: number): GraphValue => g.floats(new Array<number>(channels).fill(value));
  const scale = affine ? g.parameter(`${name}.weight`, [channels], ones) : filled(1);
  const shift = affine ? g.parameter(`${name}.bias`, [channels], zeros) : filled(0);
  return g.emit("InstanceNormalization", [x, scale, shift], { attributes: { epsilon: attribute.float(epsilon) } })[0]!;
}
