import { ArgumentError, ShapeError } from "@diffusiongym/core";
import { type Attributes, attribute, constantTensor } from "../../ir/index.js";
import type { GraphBuilder, GraphValue } from "../graph/index.js";
import { channelsOf } from "./convolution.js";

/** Options of pooling over images. */
export interface PoolOptions {
  /** Height and width of a window. */
  readonly kernel: number;
  /** Entries between windows. @default the kernel */
  readonly stride?: number;
  /** Entries before and after each axis: zeros that count in an average, and never the maximum. @default 0 */
  readonly padding?: number;
}

function windows({ kernel, stride = kernel, padding = 0 }: PoolOptions): Attributes {
  return {
    kernel_shape: attribute.ints([kernel, kernel]),
    strides: attribute.ints([stride, stride]),
    pads: attribute.ints([padding, padding, padding, padding]),
  };
}

/** Mean over windows of images [N, C, H, W], PyTorch's `nn.AvgPool2d`. */
export function averagePool2d(g: GraphBuilder, x: GraphValue, options: PoolOptions): GraphValue {
  const attributes = { ...windows(options), count_include_pad: attribute.int(1) };
  return g.emit("AveragePool", [x], { attributes })[0]!;
}

/** Largest entry of windows of images [N, C, H, W], PyTorch's `nn.MaxPool2d`. */
export function maxPool2d(g: GraphBuilder, x: GraphValue, options: PoolOptions): GraphValue {
  return g.emit("MaxPool", [x], { attributes: windows(options) })[0]!;
}

/** How images are enlarged. */
export interface UpsampleOptions {
  /** Factor of height and width, a whole number. @default 2 */
  readonly scale?: number;
  /** `"bilinear"` is PyTorch's with `align_corners=False`; it is differentiable when H and W are numbers. @default "nearest" */
  readonly mode?: "nearest" | "bilinear";
}

/**
 * Images [N, C, H, W] enlarged to [N, C, scale H, scale W], PyTorch's `nn.Upsample`.
 * @throws ArgumentError when the scale is not a whole number above 0
 */
export function upsample2d(g: GraphBuilder, x: GraphValue, options: UpsampleOptions = {}): GraphValue {
  const { scale = 2, mode = "nearest" } = options;
  if (!Number.isInteger(scale) || scale < 1) {
    throw new ArgumentError(`upsample2d: scale is ${scale}; it must be a whole number above 0.`, "scale", scale);
  }
  const scales = g.constant(constantTensor("float32", [4], Float32Array.of(1, 1, scale, scale)));
  const attributes = {
    mode: attribute.string(mode === "nearest" ? "nearest" : "linear"),
    coordinate_transformation_mode: attribute.string(mode === "nearest" ? "asymmetric" : "half_pixel"),
    ...(mode === "nearest" ? { nearest_mode: attribute.string("floor") } : {}),
  };
  return g.emit("Resize", [x, undefined, scales], { attributes })[0]!;
}

/**
 * Images [N, C r^2, H, W] as [N, C, r H, r W] (arXiv 1609.05158), PyTorch's `nn.PixelShuffle`.
 * @throws ShapeError when r^2 does not divide the channels
 */
export function pixelShuffle(g: GraphBuilder, x: GraphValue, factor: number): GraphValue {
  const channels = channelsOf(x, "pixelShuffle");
  if (!Number.isInteger(factor) || factor < 1 || channels % factor ** 2 !== 0) {
    throw new ShapeError(
      `pixelShuffle: the square of ${factor} does not divide the ${channels} channels of "${x.name}".`,
    );
  }
  const attributes = { blocksize: attribute.int(factor), mode: attribute.string("CRD") };
  return g.emit("DepthToSpace", [x], { attributes })[0]!;
}
