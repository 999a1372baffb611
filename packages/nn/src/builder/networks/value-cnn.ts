import { GraphBuilder, type NetworkDefinition } from "../graph/index.js";
import { imageFeatures } from "./image-features.js";
import { type ImageSize, sizeOfImage } from "./image-size.js";
import { timeAndConditioning, type ValueOptions, valueHead } from "./value-parts.js";

/** Configuration of `valueCnn`. */
export interface ValueCnnConfig extends ValueOptions {
  /** Channels of an image. */
  readonly inChannels: number;
  /** Height and width. @default any, decided by each run */
  readonly size?: ImageSize;
  /** Channels of each stage; each but the first halves height and width. @default [16, 32, 32] */
  readonly widths?: readonly number[];
  /** Groups of the norms; they divide all widths. @default 4 */
  readonly groups?: number;
}

/**
 * A value network of images: stages act(GroupNorm(Conv(x)) + Linear(features of time and conditioning)), the mean over all
 * pixels, and a linear layer to one number a sample. Inputs `x` [N, inChannels, H, W] and `t` [N], output `value` [N];
 * parameters `stages.<i>.conv.*`, `stages.<i>.norm.*`, `stages.<i>.condition.*`, `head.*`.
 */
export function valueCnn(config: ValueCnnConfig): NetworkDefinition {
  const { inChannels, size, widths = [16, 32, 32], groups = 4, activation = "silu" } = config;
  const g = new GraphBuilder("value");
  const x = g.input("x", ["N", inChannels, ...sizeOfImage(size)]);
  const condition = g.concat(timeAndConditioning(g, config), 1);
  valueHead(g, imageFeatures(g, x, { name: "stages.", widths, groups, activation, condition }), config);
  return g.build();
}
