import {
  type Attributes,
  attribute,
  constantTensor,
  floatAttribute,
  intAttribute,
  intsAttribute,
  type Node,
} from "../ir/index.js";
import type { Composite, Replacement } from "./replacement.js";

const keepAxes = { keepdims: attribute.int(1) };

// h = x normalised over the channels of each group and space; y = scale h + bias, by group before operator set 21, by channel since
function writeGroupNorm(write: Replacement, { inputs, attributes }: Node, opset: number): string {
  const [x = "", scale = "", bias = ""] = inputs;
  const groups = Math.max(1, Math.min(intAttribute(attributes, "num_groups", 1), 2 ** 20));
  const filled = (value: number): string =>
    write.floats(constantTensor("float32", [groups], new Float32Array(groups).fill(value)));
  const grouped = write.add("Reshape", [x, write.integers(0, groups, -1)]);
  const [groupScale, groupBias] = opset < 21 ? [scale, bias] : [filled(1), filled(0)];
  const epsilon = { epsilon: attribute.float(floatAttribute(attributes, "epsilon", 1e-5)) };
  let y = write.add("InstanceNormalization", [grouped, groupScale, groupBias], epsilon);
  if (opset >= 21) {
    const shape = [write.integers(0), write.add("Shape", [scale]), write.integers(-1)];
    const channels = write.add("Reshape", [y, write.add("Concat", shape, { axis: attribute.int(0) })]);
    const column = (vector: string): string => write.add("Unsqueeze", [vector, write.integers(1)]);
    y = write.add("Add", [write.add("Mul", [channels, column(scale)]), column(bias)]);
  }
  return write.add("Reshape", [y, write.add("Shape", [x])]);
}

/** y = scale x (mean(x^2) + epsilon)^(-1/2) over the last axis; `undefined` for other axes. */
export function rootMeanSquareNorm(
  write: Replacement,
  [x, scale]: readonly [string, string],
  attributes: Attributes,
): string | undefined {
  if (intAttribute(attributes, "axis", -1) !== -1) {
    return undefined;
  }
  const squares = write.add("ReduceMean", [write.add("Mul", [x, x]), write.integers(-1)], keepAxes);
  const epsilon = write.scalar(floatAttribute(attributes, "epsilon", 1e-5));
  const root = write.add("Sqrt", [write.add("Add", [squares, epsilon])]);
  return write.add("Mul", [write.add("Div", [x, root]), scale]);
}

// y = x / n,  n = the sum of |x| or the root of the sum of squares along an axis;  0 where n = 0
function writeLpNorm(write: Replacement, { inputs: [x = ""], attributes }: Node): string | undefined {
  const order = intAttribute(attributes, "p", 2);
  if (order !== 1 && order !== 2) {
    return undefined;
  }
  const axis = write.integers(intAttribute(attributes, "axis", -1));
  const norm = write.add(order === 1 ? "ReduceL1" : "ReduceL2", [x, axis], keepAxes);
  const safe = write.add("Where", [write.add("Equal", [norm, write.scalar(0)]), write.scalar(1), norm]);
  return write.add("Div", [x, safe]);
}

// y = (x - mean) / (standard deviation + 1e-9) over axes, [0, 2, 3] where none are given
function writeMeanVariance(write: Replacement, { inputs: [x = ""], attributes }: Node): string {
  const axes = write.integers(...(intsAttribute(attributes, "axes") ?? [0, 2, 3]));
  const mean = (value: string): string => write.add("ReduceMean", [value, axes], keepAxes);
  const centred = write.add("Sub", [x, mean(x)]);
  const deviation = write.add("Sqrt", [mean(write.add("Mul", [centred, centred]))]);
  return write.add("Div", [centred, write.add("Add", [deviation, write.scalar(1e-9)])]);
}

// y = x / (bias + alpha m)^beta,  m = the mean of x^2 over `size` neighbouring channels of an image, zeros beyond the ends
function writeLocalResponseNorm(write: Replacement, { inputs: [x = ""], attributes }: Node): string {
  const size = intAttribute(attributes, "size", 1);
  const [before, after] = [Math.floor((size - 1) / 2), Math.ceil((size - 1) / 2)];
  const squares = write.add("Unsqueeze", [write.add("Mul", [x, x]), write.integers(1)]);
  const means = write.add("AveragePool", [squares], {
    kernel_shape: attribute.ints([size, 1, 1]),
    pads: attribute.ints([before, 0, 0, after, 0, 0]),
    count_include_pad: attribute.int(1),
  });
  const scaled = write.add("Mul", [
    write.add("Squeeze", [means, write.integers(1)]),
    write.scalar(floatAttribute(attributes, "alpha", 1e-4)),
  ]);
  const base = write.add("Add", [scaled, write.scalar(floatAttribute(attributes, "bias", 1))]);
  return write.add("Div", [x, write.add("Pow", [base, write.scalar(floatAttribute(attributes, "beta", 0.75))])]);
}

// y = log(sum x) over axes, given as an attribute before operator set 18
function writeLogSum(write: Replacement, { inputs: [x = "", axes = ""], attributes }: Node): string {
  const given = intsAttribute(attributes, "axes");
  const { axes: _, ...others } = attributes;
  const over = given ? write.integers(...given) : axes;
  return write.add("Log", [write.add("ReduceSum", over === "" ? [x] : [x, over], others)]);
}

/** Normalisations and reductions of ONNX's own operator set that are read as what they are made of. */
export const normalizationComposites: Readonly<Record<string, Composite>> = {
  GroupNormalization: { attributes: ["epsilon", "num_groups", "stash_type"], write: writeGroupNorm },
  LpNormalization: { attributes: ["axis", "p"], write: writeLpNorm },
  MeanVarianceNormalization: { attributes: ["axes"], write: writeMeanVariance },
  LRN: { attributes: ["alpha", "beta", "bias", "size"], write: writeLocalResponseNorm },
  // What ONNX Runtime's own tools call the normalisation by the root of the mean square.
  SimplifiedLayerNormalization: {
    attributes: ["axis", "epsilon", "stash_type"],
    write: (write, { inputs: [x = "", scale = ""], attributes }) => rootMeanSquareNorm(write, [x, scale], attributes),
  },
  ReduceLogSum: { attributes: ["axes", "keepdims", "noop_with_empty_axes"], write: writeLogSum },
  // y = the largest entry of each channel, over axes of length 1
  GlobalMaxPool: {
    attributes: [],
    write: (write, { inputs: [x = ""] }) => {
      const flat = write.add("Reshape", [x, write.integers(0, 0, -1)]);
      const largest = write.add("ReduceMax", [flat, write.integers(2)], keepAxes);
      const ones = write.add("Expand", [write.integer(1), write.add("Shape", [write.add("Shape", [x])])]);
      const sizes = write.add("Slice", [write.add("Shape", [x]), write.integers(0), write.integers(2)]);
      const rest = write.add("Slice", [ones, write.integers(2), write.integers(2 ** 31 - 1)]);
      return write.add("Reshape", [largest, write.add("Concat", [sizes, rest], { axis: attribute.int(0) })]);
    },
  },
};
