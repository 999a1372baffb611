import { ArgumentError, ShapeError } from "@diffusiongym/core";
import { attribute, type Initialization } from "../../ir/index.js";
import { type GraphBuilder, type GraphValue, kaimingUniform } from "../graph/index.js";

/** Options of convolutions. A single number stands for every spatial axis. */
export interface ConvolutionOptions {
  /** Parameter names are `<name>.weight` and `<name>.bias`. */
  readonly name: string;
  /** Channels of the result. */
  readonly out: number;
  /** Length of the kernel. */
  readonly kernel: number | readonly number[];
  /** Entries between windows. @default 1 */
  readonly stride?: number | readonly number[];
  /** Zeros before and after each axis. @default 0 */
  readonly padding?: number | readonly number[];
  /** Zeros after each axis, where there are to be more or fewer than before it. @default padding */
  readonly endPadding?: number | readonly number[];
  /** Entries between those that a kernel reads. @default 1 */
  readonly dilation?: number | readonly number[];
  /** Groups of channels that do not see each other. @default 1 */
  readonly groups?: number;
  /** Whether a bias is added. @default true */
  readonly bias?: boolean;
  /** Start of the weight and the bias. @default PyTorch's: uniform on +-1/sqrt(inputs of one output) */
  readonly initialization?: Initialization;
}

/** Options of a transposed convolution. */
export interface ConvolutionTransposeOptions extends ConvolutionOptions {
  /** Entries added at the end of each axis, fewer than the stride. @default 0 */
  readonly outputPadding?: number | readonly number[];
}

/**
 * Cross-correlation along one axis, PyTorch's `nn.Conv1d`: weight of shape [out, in / groups, kernel].
 * @param g the builder
 * @param x of shape [N, in, length], with `in` a number
 * @returns a value of shape [N, out, floor((length + 2 padding - dilation (kernel - 1) - 1) / stride) + 1]
 * @throws ShapeError when x has another rank or its channels do not divide; ArgumentError for an option of the wrong length
 */
export function conv1d(g: GraphBuilder, x: GraphValue, options: ConvolutionOptions): GraphValue {
  return convolve(g, x, { ...options, axes: 1, transposed: false });
}

/**
 * Cross-correlation of images, PyTorch's `nn.Conv2d`: weight of shape [out, in / groups, height, width] of the kernel.
 * @param g the builder
 * @param x of shape [N, in, H, W], with `in` a number
 * @throws ShapeError when x has another rank or its channels do not divide; ArgumentError for an option of the wrong length
 */
export function conv2d(g: GraphBuilder, x: GraphValue, options: ConvolutionOptions): GraphValue {
  return convolve(g, x, { ...options, axes: 2, transposed: false });
}

/**
 * The transpose of `conv2d`, PyTorch's `nn.ConvTranspose2d`: weight of shape [in, out / groups, height, width] of the kernel.
 * @param g the builder
 * @param x of shape [N, in, H, W], with `in` a number
 * @returns a value of shape [N, out, stride (H - 1) + dilation (kernel - 1) + 1 + outputPadding - 2 padding, ...]
 * @throws ShapeError when x has another rank or its channels do not divide; ArgumentError for an option of the wrong length
 */
export function convTranspose2d(g: GraphBuilder, x: GraphValue, options: ConvolutionTransposeOptions): GraphValue {
  return convolve(g, x, { ...options, axes: 2, transposed: true });
}

interface Convolution extends ConvolutionTransposeOptions {
  readonly axes: number;
  readonly transposed: boolean;
}

function convolve(g: GraphBuilder, x: GraphValue, options: Convolution): GraphValue {
  const { name, out, axes, transposed, groups = 1, bias = true } = options;
  const channels = channelsOf(x, `convolution "${name}"`);
  if (x.shape.length !== axes + 2 || channels % groups !== 0 || out % groups !== 0) {
    throw new ShapeError(
      `convolution "${name}": "${x.name}" of shape [${x.shape.join(", ")}] cannot be convolved to ${out} channels ` +
        `in ${groups} groups; it needs ${axes + 2} axes, and channels that the groups divide.`,
    );
  }
  const perAxis = (option: keyof Convolution & string, otherwise: number, value = options[option]): number[] => {
    const list = Array.isArray(value) ? (value as number[]) : new Array<number>(axes).fill(Number(value ?? otherwise));
    if (list.length !== axes || !list.every((entry) => Number.isInteger(entry) && entry >= 0)) {
      throw new ArgumentError(
        `convolution "${name}": ${option} is ${JSON.stringify(value)}; it must be a whole number, or ${axes} of them.`,
        option,
        value,
      );
    }
    return list;
  };
  const kernel = perAxis("kernel", 1);
  const padding = perAxis("padding", 0);
  const endPadding = options.endPadding === undefined ? padding : perAxis("endPadding", 0);
  const size = kernel.reduce((product, length) => product * length, 1);
  const shape = transposed ? [channels, out / groups, ...kernel] : [out, channels / groups, ...kernel];
  // PyTorch takes the second axis of the weight for its inputs, in transposed convolutions too.
  const { initialization = kaimingUniform(shape[1]! * size) } = options;
  const weight = g.parameter(`${name}.weight`, shape, initialization);
  const shift = bias ? g.parameter(`${name}.bias`, [out], initialization) : undefined;
  const attributes = {
    kernel_shape: attribute.ints(kernel),
    strides: attribute.ints(perAxis("stride", 1)),
    pads: attribute.ints([...padding, ...endPadding]),
    dilations: attribute.ints(perAxis("dilation", 1)),
    group: attribute.int(groups),
    ...(transposed ? { output_padding: attribute.ints(perAxis("outputPadding", 0)) } : {}),
  };
  return g.emit(transposed ? "ConvTranspose" : "Conv", [x, weight, shift], { attributes })[0]!;
}

/** Number of channels, the second axis, which parameters are sized by. */
export function channelsOf(x: GraphValue, layer: string): number {
  const channels = x.shape[1];
  if (typeof channels !== "number") {
    throw new ShapeError(
      `${layer}: "${x.name}" has the shape [${x.shape.join(", ")}]; its second axis must be a number.`,
    );
  }
  return channels;
}
