import { ShapeError } from "@diffusiongym/core";
import { attribute } from "../../ir/index.js";
import { type GraphBuilder, type GraphValue, ones, zeros } from "../graph/index.js";
import { channelsOf } from "./convolution.js";

/** Options of `groupNorm`. */
export interface GroupNormOptions {
  /** Parameter names are `<name>.weight` and `<name>.bias`. */
  readonly name: string;
  /** Groups of channels that are normalised together; 1 is layer norm over an image, as many as channels instance norm. */
  readonly groups: number;
  /** Added to the variance. @default 1e-5 */
  readonly epsilon?: number;
}

/**
 * y = (x - mean) / sqrt(var + epsilon) * weight + bias with mean and variance over the channels of a group and space
 * (arXiv 1803.08494), PyTorch's `nn.GroupNorm`: weight and bias by channel.
 * @param g the builder
 * @param x of shape [N, channels, ...], with `channels` a number
 * @throws ShapeError when the groups do not divide the channels
 */
export function groupNorm(
  g: GraphBuilder,
  x: GraphValue,
  { name, groups, epsilon = 1e-5 }: GroupNormOptions,
): GraphValue {
  const channels = channelsOf(x, `groupNorm "${name}"`);
  if (!Number.isInteger(groups) || groups < 1 || channels % groups !== 0) {
    throw new ShapeError(
      `groupNorm "${name}": ${groups} groups do not divide the ${channels} channels of "${x.name}".`,
    );
  }
  const column = [channels, ...x.shape.slice(2).map(() => 1)];
  const weight = g.reshape(g.parameter(`${name}.weight`, [channels], ones), column);
  const bias = g.reshape(g.parameter(`${name}.bias`, [channels], zeros), column);
  const filled = (value: number): GraphValue => g.floats(new Array<number>(groups).fill(value));
  const normalised = g.emit("InstanceNormalization", [g.reshape(x, [0, groups, -1]), filled(1), filled(0)], {
    attributes: { epsilon: attribute.float(epsilon) },
  })[0]!;
  return g.add(g.mul(g.reshapeLike(normalised, x), weight), bias);
}
