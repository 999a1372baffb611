import { type Attributes, attribute, constantTensor } from "../../src/ir/index.js";
import type { OpName } from "../../src/ops/index.js";
import { floats, integers, type OpCase, one, separated } from "./case-helpers.js";
import type { TestTensor } from "./run-graph.js";

const { ints, int, string, float } = attribute;

interface ConvolutionCase {
  readonly x: readonly number[];
  readonly w: readonly number[];
  readonly bias?: number;
  readonly attributes?: Attributes;
  readonly dynamic?: boolean | "batch";
}

const convolution = (op: OpName, { x, w, bias, attributes = {}, dynamic = "batch" }: ConvolutionCase): OpCase => ({
  inputs: {
    x: floats(x),
    w: floats(w, -1, 1, 2),
    ...(bias === undefined ? {} : { b: floats([bias], -1, 1, 3) }),
  },
  ...one(op, attributes),
  dynamic,
  fixed: ["w", "b"],
});

const pool = (op: OpName, x: TestTensor, attributes: Attributes, dynamic: boolean | "batch" = true): OpCase => ({
  inputs: { x },
  ...one(op, attributes),
  dynamic,
});

interface ResizeCase {
  readonly shape: readonly number[];
  readonly scales?: readonly number[];
  readonly sizes?: readonly number[];
  readonly attributes?: Attributes;
  readonly dynamic?: boolean | "batch";
}

/** Interpolation is linear, so that its gradient's gradient is a matter of the products it is made of: once is enough. */
const resize = ({ shape, scales, sizes, attributes = {}, dynamic = true }: ResizeCase): OpCase => ({
  order: 1,
  inputs: { x: floats(shape) },
  build: (g, { x }) => {
    const given = scales && g.constant(constantTensor("float32", [scales.length], Float32Array.from(scales)));
    return g.emit("Resize", [x, undefined, given, sizes && g.integers(sizes)], { attributes })[0]!;
  },
  dynamic,
});

/** Pairs (x, y) of a grid over an image of 3 rows and 4 columns. */
const points = [-0.31, 0.12, 0.55, -0.47, 1.22, 0.21, -1.37, -0.55, 0.13, 1.44, 0.71, -0.87];

const linear = { mode: string("linear") };

/** Cases of the operators that know of spatial axes and channels. */
export const spatialCases = {
  Conv: [
    convolution("Conv", { x: [2, 2, 4], w: [3, 2, 3], bias: 3, attributes: { pads: ints([1, 1]) }, dynamic: true }),
    convolution("Conv", { x: [2, 2, 3, 4], w: [2, 2, 1, 1], bias: 2, dynamic: true }),
    convolution("Conv", { x: [1, 2, 3, 3], w: [2, 2, 2, 3], attributes: { pads: ints([0, 1, 1, 1]) } }),
    // An asymmetric padding larger than the kernel leaves room for, so that windows lie in the padding alone.
    convolution("Conv", { x: [1, 1, 3], w: [2, 1, 2], attributes: { pads: ints([2, 3]) } }),
    convolution("Conv", {
      x: [2, 1, 5],
      w: [2, 1, 3],
      attributes: { strides: ints([2]), pads: ints([1, 1]) },
      dynamic: true,
    }),
    // The last entry is reached by no window.
    convolution("Conv", { x: [1, 1, 4, 6], w: [2, 1, 2, 3], attributes: { strides: ints([2, 2]) }, dynamic: true }),
    convolution("Conv", { x: [1, 2, 7], w: [1, 2, 2], attributes: { dilations: ints([3]), strides: ints([2]) } }),
    convolution("Conv", { x: [1, 1, 5], w: [2, 1, 2], attributes: { dilations: ints([2]), pads: ints([1, 2]) } }),
    convolution("Conv", { x: [2, 4, 4], w: [6, 2, 2], bias: 6, attributes: { group: int(2) } }),
    convolution("Conv", {
      x: [1, 3, 4],
      w: [3, 1, 3],
      attributes: { group: int(3), pads: ints([1, 1]), strides: ints([2]) },
    }),
    convolution("Conv", { x: [1, 1, 4], w: [1, 1, 2], attributes: { auto_pad: string("SAME_UPPER") }, dynamic: true }),
    convolution("Conv", {
      x: [1, 1, 4],
      w: [1, 1, 3],
      attributes: { auto_pad: string("SAME_LOWER"), strides: ints([2]), kernel_shape: ints([3]) },
    }),
    convolution("Conv", { x: [1, 1, 4], w: [1, 1, 2], attributes: { auto_pad: string("VALID") } }),
    // More channels than one product is made for.
    convolution("Conv", { x: [1, 33, 2], w: [1, 33, 2] }),
    convolution("Conv", { x: [1, 1, 2, 3, 2], w: [1, 1, 2, 2, 1] }),
  ],
  ConvTranspose: [
    convolution("ConvTranspose", { x: [2, 2, 3], w: [2, 3, 3], bias: 3 }),
    convolution("ConvTranspose", {
      x: [1, 2, 2, 3],
      w: [2, 1, 2, 2],
      attributes: { strides: ints([2, 2]) },
      dynamic: true,
    }),
    convolution("ConvTranspose", {
      x: [1, 1, 3],
      w: [1, 2, 3],
      attributes: { strides: ints([2]), pads: ints([1, 1]), output_padding: ints([1]) },
    }),
    convolution("ConvTranspose", {
      x: [1, 4, 3],
      w: [4, 1, 2],
      bias: 2,
      attributes: { group: int(2), dilations: ints([2]), pads: ints([1, 0]) },
    }),
  ],
  AveragePool: [
    pool("AveragePool", floats([2, 2, 4]), { kernel_shape: ints([2]), strides: ints([2]) }, "batch"),
    pool("AveragePool", floats([1, 2, 4, 2]), { kernel_shape: ints([2, 2]), strides: ints([2, 2]) }),
    pool("AveragePool", floats([1, 2, 5]), { kernel_shape: ints([3]), pads: ints([1, 1]) }),
    pool(
      "AveragePool",
      floats([1, 2, 5]),
      { kernel_shape: ints([3]), pads: ints([1, 1]), strides: ints([2]) },
      "batch",
    ),
    pool("AveragePool", floats([2, 1, 3, 4]), {
      kernel_shape: ints([2, 3]),
      pads: ints([1, 0, 0, 1]),
      count_include_pad: int(1),
    }),
    // The last window reaches over the end, or over the padding at the end.
    pool("AveragePool", floats([1, 1, 5]), { kernel_shape: ints([3]), strides: ints([2]), ceil_mode: int(1) }),
    pool("AveragePool", floats([1, 2, 5]), { kernel_shape: ints([2]), strides: ints([2]), ceil_mode: int(1) }),
    ...[0, 1].map((counted) =>
      pool("AveragePool", floats([1, 1, 6, 4]), {
        kernel_shape: ints([3, 2]),
        strides: ints([2, 3]),
        pads: ints([1, 0, 1, 1]),
        ceil_mode: int(1),
        count_include_pad: int(counted),
      }),
    ),
  ],
  MaxPool: [
    pool("MaxPool", separated([2, 2, 4]), { kernel_shape: ints([2]), strides: ints([2]) }),
    pool("MaxPool", separated([1, 2, 3, 4]), { kernel_shape: ints([2, 3]), pads: ints([1, 1, 0, 1]) }),
    pool("MaxPool", separated([1, 1, 6]), { kernel_shape: ints([3]), strides: ints([2]), ceil_mode: int(1) }),
    pool("MaxPool", separated([1, 1, 6]), { kernel_shape: ints([2]), dilations: ints([2]) }),
  ],
  GlobalAveragePool: [
    pool("GlobalAveragePool", floats([2, 2, 2, 3]), {}),
    pool("GlobalAveragePool", floats([2, 2, 3]), {}),
  ],
  Resize: [
    resize({
      shape: [1, 2, 2, 3],
      scales: [1, 1, 2, 2],
      attributes: { coordinate_transformation_mode: string("asymmetric"), nearest_mode: string("floor") },
    }),
    resize({ shape: [2, 1, 2, 2], scales: [1, 1, 3, 2] }),
    resize({ shape: [1, 1, 3], scales: [1, 1, 1.7] }),
    ...["floor", "ceil", "round_prefer_floor", "round_prefer_ceil"].map((rounding) =>
      resize({
        // The second entry lies halfway between the third and the fourth.
        shape: [1, 1, 5],
        sizes: [1, 1, 2],
        attributes: { nearest_mode: string(rounding), coordinate_transformation_mode: string("asymmetric") },
      }),
    ),
    resize({ shape: [1, 1, 3, 2], scales: [1, 1, 2, 2], attributes: linear }),
    resize({
      shape: [1, 1, 3, 2],
      scales: [1, 1, 2, 1.5],
      attributes: { ...linear, coordinate_transformation_mode: string("pytorch_half_pixel") },
    }),
    resize({
      shape: [1, 1, 3, 4],
      sizes: [1, 1, 5, 3],
      attributes: { ...linear, coordinate_transformation_mode: string("align_corners") },
    }),
    resize({ shape: [1, 1, 3, 4], sizes: [2, 5], attributes: { ...linear, axes: ints([-2, 3]) } }),
    resize({
      shape: [1, 1, 4, 4],
      scales: [1, 1, 2, 1.5],
      attributes: { mode: string("cubic"), cubic_coeff_a: float(-0.5) },
    }),
    resize({
      shape: [1, 1, 4, 4],
      scales: [1, 1, 2, 2],
      attributes: { mode: string("cubic"), exclude_outside: int(1) },
    }),
    ...["linear", "cubic"].flatMap((mode) =>
      [0, 1].map((exclude) =>
        resize({
          shape: [1, 1, 6, 4],
          sizes: [1, 1, 3, 5],
          attributes: { mode: string(mode), antialias: int(1), exclude_outside: int(exclude) },
          dynamic: false,
        }),
      ),
    ),
    {
      // Scales that only the run decides.
      inputs: { x: floats([1, 1, 3, 4]), halves: integers([3, 3]) },
      build: (g, { x, halves }) => {
        const scales = g.mul(g.cast(halves!, "float32"), 0.5);
        return g.emit("Resize", [x, undefined, scales], { attributes: { ...linear, axes: ints([2, 3]) } })[0]!;
      },
      fixed: ["halves"],
    },
  ],
  GridSample: [
    ...["zeros", "border", "reflection"].flatMap((padding) =>
      [0, 1].map(
        (aligned): OpCase => ({
          // Points inside, between the border and beyond, none within a step of a kink.
          inputs: { x: floats([2, 2, 3, 4]), grid: { shape: [2, 1, 3, 2], data: Float32Array.from(points) } },
          ...one("GridSample", {
            mode: string("bilinear"),
            padding_mode: string(padding),
            align_corners: int(aligned),
          }),
          dynamic: "batch",
          order: padding === "reflection" ? 2 : 1,
          stepSize: 0.01,
        }),
      ),
    ),
    {
      inputs: { x: floats([1, 2, 3, 4]), points: integers([-4, 1, 3, 9, 0, -2], [1, 1, 3, 2]) },
      build: (g, { x, points }) =>
        g.emit("GridSample", [x, g.mul(g.cast(points!, "float32"), 0.125)], {
          attributes: { mode: string("nearest") },
        })[0]!,
      dynamic: "batch",
    },
  ],
  Col2Im: [
    {
      inputs: { x: floats([2, 8, 6]) },
      build: (g, { x }) => g.emit("Col2Im", [x, g.integers([3, 4]), g.integers([2, 2])])[0]!,
      dynamic: "batch",
    },
    {
      inputs: { x: floats([1, 3, 3]) },
      build: (g, { x }) =>
        g.square(
          g.emit("Col2Im", [x, g.integers([6]), g.integers([3])], {
            attributes: { strides: ints([2]), pads: ints([1, 2]), dilations: ints([2]) },
          })[0]!,
        ),
      dynamic: "batch",
    },
  ],
  InstanceNormalization: [
    {
      inputs: { x: floats([2, 3, 5], -2, 2), scale: floats([3], 0.5, 1.5, 2), bias: floats([3], -1, 1, 3) },
      ...one("InstanceNormalization", { epsilon: float(0.1) }),
    },
    {
      // The form of an exported group normalisation: no scale and no shift.
      inputs: { x: floats([1, 2, 2, 3], -2, 2) },
      build: (g, { x }) =>
        g.emit("InstanceNormalization", [x, g.floats([1, 1]), g.floats([0, 0])], {
          attributes: { epsilon: float(0.1) },
        })[0]!,
    },
  ],
  BatchNormalization: [
    {
      inputs: {
        x: floats([2, 3, 2], -2, 2),
        scale: floats([3], 0.5, 1.5, 2),
        bias: floats([3], -1, 1, 3),
        mean: floats([3], -1, 1, 4),
        variance: floats([3], 1, 2, 5),
      },
      ...one("BatchNormalization", { epsilon: float(0.1) }),
    },
  ],
} satisfies Partial<Record<OpName, readonly OpCase[]>>;
