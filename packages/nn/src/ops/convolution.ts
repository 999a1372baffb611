import { attribute, type Dimension, intAttribute, intsAttribute, type ValueInfo } from "../ir/index.js";
import { declareShape, inputGradient, weightGradient } from "./convolution-gradients.js";
import type { Application, Differentiation, OpDefinition } from "./definition.js";
import { printShape, productOf, staticShape } from "./dimensions.js";
import { inputType, requireFloat, requireSameType } from "./inference.js";
import { spanOf, type Window, windowAttributes, windowCount, windowsOf } from "./windows.js";

interface Operands {
  readonly x: readonly Dimension[];
  readonly w: readonly Dimension[];
  readonly groups: number;
}

/** Checks what convolutions in both directions share; the weight's first axis is that of the input if `transposed`. */
function operandsOf(node: Application, transposed: boolean): Operands {
  requireFloat(node);
  requireSameType(node);
  const x = inputType(node, 0).shape;
  const w = inputType(node, 1).shape;
  const groups = intAttribute(node.attributes, "group", 1);
  if (x.length < 3 || w.length !== x.length || groups < 1) {
    node.fail(`cannot convolve the shapes ${printShape(x)} and ${printShape(w)} in ${groups} groups`);
  }
  const [channels, first, second] = [x[1]!, w[0]!, w[1]!];
  const expected = transposed ? first : productOf([second, groups]);
  const wrong = typeof channels === "number" && typeof expected === "number" && channels !== expected;
  if (wrong || (typeof first === "number" && first % groups !== 0)) {
    node.fail(`cannot convolve the shapes ${printShape(x)} and ${printShape(w)} in ${groups} groups`);
  }
  const out = transposed ? productOf([second, groups]) : first;
  const bias = node.inputs[2]?.shape;
  if (bias && (bias.length !== 1 || (typeof bias[0] === "number" && typeof out === "number" && bias[0] !== out))) {
    node.fail(`cannot add the bias ${printShape(bias)} to ${out} channels`);
  }
  return { x, w, groups };
}

function inferConv(node: Application) {
  const { x, w } = operandsOf(node, false);
  const lengths = x.slice(2);
  const { attributes, fail } = node;
  const windows = windowsOf({ attributes, lengths, kernel: w.slice(2), fail });
  const counts = lengths.map((length, axis) => {
    const count = windows && windowCount(length, windows[axis]!);
    return typeof count === "number" && count < 1
      ? fail(`has a kernel longer than the axis ${axis + 2} of ${printShape(x)}`)
      : (count ?? node.fresh(axis + 2));
  });
  return [{ type: inputType(node, 0).type, shape: [x[0]!, w[0]!, ...counts] }];
}

/** The windows of a node that is differentiated. */
function knownWindows(node: Differentiation): readonly Window[] {
  const { attributes, refuse } = node;
  const [x, w] = [node.input(0), node.input(1)];
  const windows = staticShape(w.shape)
    ? windowsOf({ attributes, lengths: x.shape.slice(2), kernel: w.shape.slice(2), fail: refuse })
    : undefined;
  return windows?.every(({ pads }) => pads) ? windows : refuse("its kernel or padding is decided while the graph runs");
}

const overAllButChannels = (node: Differentiation, gradient: ValueInfo): ValueInfo =>
  node.write.reduceSum(gradient, { axes: gradient.shape.flatMap((_, axis) => (axis === 1 ? [] : [axis])) });

// y[n,o,p] = b[o] + sum_{c,k} w[o,c,k] x[n,c, p s + k d - before]:
//   dx = dy convolved with the flipped, transposed kernel,  dw = dy^T (x at every offset),  db = sum of dy but over channels
function gradientOfConv(node: Differentiation, input: number): ValueInfo | undefined {
  const cotangent = node.cotangent(0);
  if (!cotangent || input === 2) {
    return cotangent && overAllButChannels(node, cotangent);
  }
  const groups = intAttribute(node.attributes, "group", 1);
  const convolution = { write: node.write, windows: knownWindows(node), groups };
  const [x, weight] = [node.input(0), node.input(1)];
  return input === 0
    ? inputGradient(convolution, { cotangent, weight, like: x })
    : weightGradient(convolution, { signal: x, cotangent, like: weight });
}

function inferConvTranspose(node: Application) {
  const { x, w, groups } = operandsOf(node, true);
  const lengths = x.slice(2);
  const { attributes, fail } = node;
  const windows = windowsOf({ attributes, lengths, kernel: w.slice(2), fail });
  if (attributes.auto_pad?.kind === "string" && attributes.auto_pad.value.startsWith("SAME")) {
    fail(`has the auto_pad "${attributes.auto_pad.value}", which is not supported here; give its pads`);
  }
  const extra = intsAttribute(attributes, "output_padding") ?? lengths.map(() => 0);
  const spatial = lengths.map((length, axis): Dimension => {
    if (!windows) {
      return node.fresh(axis + 2);
    }
    const window = windows[axis]!;
    const [before, after] = window.pads!;
    const rest = spanOf(window) + (extra[axis] ?? 0) - before - after - window.stride;
    if (typeof length === "string") {
      return rest === 0 ? productOf([window.stride, length]) : node.fresh(axis + 2);
    }
    const result = length * window.stride + rest;
    return result < 1 ? fail(`leaves nothing of the axis ${axis + 2} of ${printShape(x)}`) : result;
  });
  return [{ type: inputType(node, 0).type, shape: [x[0]!, productOf([w[1]!, groups]), ...spatial] }];
}

// y[n,o,q] = b[o] + sum of w[c,o,k] x[n,c,p] over p s + k d - before = q, the transpose of a convolution:
//   dx = dy convolved with w,  dw = x^T (dy at every offset),  db = sum of dy but over channels
function gradientOfConvTranspose(node: Differentiation, input: number): ValueInfo | undefined {
  const { write, attributes } = node;
  const cotangent = node.cotangent(0);
  if (!cotangent || input === 2) {
    return cotangent && overAllButChannels(node, cotangent);
  }
  const windows = knownWindows(node);
  if (intsAttribute(attributes, "output_padding")?.some((extra, axis) => extra >= windows[axis]!.stride)) {
    node.refuse("its output_padding is as large as its stride");
  }
  const groups = intAttribute(attributes, "group", 1);
  const [x, weight] = [node.input(0), node.input(1)];
  if (input === 1) {
    return weightGradient({ write, windows, groups }, { signal: cotangent, cotangent: x, like: weight });
  }
  const moved = { ...windowAttributes(windows), group: attribute.int(groups) };
  return declareShape(write, write.emit("Conv", [cotangent, weight], { attributes: moved })[0]!, x);
}

const shared = ["auto_pad", "dilations", "group", "kernel_shape", "pads", "strides"];

/** Convolutions over any number of spatial axes, and their transposes. */
export const convolutionOps = {
  Conv: {
    arity: [2, 3],
    attributes: shared,
    infer: inferConv,
    gradient: gradientOfConv,
    limits: "kernels and automatic padding whose lengths only the run decides",
  },
  ConvTranspose: {
    arity: [2, 3],
    attributes: [...shared, "output_padding"],
    infer: inferConvTranspose,
    gradient: gradientOfConvTranspose,
    limits: "kernels whose lengths only the run decides; output_padding as large as the stride",
  },
} satisfies Record<string, OpDefinition>;
