import { ArgumentError, requireKnown, ShapeError } from "@diffusiongym/core";
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

/** How pixels between pixels come about: the nearest, or PyTorch's bilinear interpolation with `align_corners=False`. */
export type Interpolation = "nearest" | "bilinear";

const interpolations: Readonly<Record<Interpolation, Attributes>> = {
  nearest: {
    mode: attribute.string("nearest"),
    coordinate_transformation_mode: attribute.string("asymmetric"),
    nearest_mode: attribute.string("floor"),
  },
  bilinear: {
    mode: attribute.string("linear"),
    coordinate_transformation_mode: attribute.string("half_pixel"),
  },
};

function attributesOf(layer: string, mode: Interpolation): Attributes {
  requireKnown(`${layer}: there is no mode`, mode, Object.keys(interpolations), "mode");
  return interpolations[mode];
}

/** How images are enlarged. */
export interface UpsampleOptions {
  /** Factor of height and width, a whole number. @default 2 */
  readonly scale?: number;
  /** `"bilinear"` is differentiable when H and W are numbers. @default "nearest" */
  readonly mode?: Interpolation;
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
  return g.emit("Resize", [x, undefined, scales], { attributes: attributesOf("upsample2d", mode) })[0]!;
}

/** The size that images are brought to. */
export interface ResizeOptions {
  readonly height: number;
  readonly width: number;
  /** @default "nearest" */
  readonly mode?: Interpolation;
}

/**
 * Images [N, C, H, W] as [N, C, height, width], PyTorch's `nn.functional.interpolate` with a `size`. It is differentiable when
 * H and W are numbers.
 * @throws ArgumentError when height or width is not a whole number above 0
 */
export function resize2d(
  g: GraphBuilder,
  x: GraphValue,
  { height, width, mode = "nearest" }: ResizeOptions,
): GraphValue {
  for (const length of [height, width]) {
    if (!Number.isInteger(length) || length < 1) {
      throw new ArgumentError(`resize2d: ${length} is no length; whole numbers above 0 are.`, "options", length);
    }
  }
  const attributes = { ...attributesOf("resize2d", mode), axes: attribute.ints([2, 3]) };
  return g.emit("Resize", [x, undefined, undefined, g.integers([height, width])], { attributes })[0]!;
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
