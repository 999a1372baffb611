import { type Attributes, attribute, floatAttribute, intAttribute, type Node, stringAttribute } from "../ir/index.js";
import { geluByErf, geluByTanh, swish } from "./decompose-activations.js";
import { rootMeanSquareNorm } from "./decompose-normalizations.js";
import type { Composite, Replacement } from "./replacement.js";

const plus = (write: Replacement, x: string, y: string | undefined): string => (y ? write.add("Add", [x, y]) : x);

/** alpha A' B' where ' exchanges the last two axes if asked. */
function fusedMatMul(write: Replacement, { inputs: [a = "", b = ""], attributes }: Node): string | undefined {
  if (intAttribute(attributes, "transBatchA", 0) !== 0 || intAttribute(attributes, "transBatchB", 0) !== 0) {
    return undefined;
  }
  const [left, right] = ["transA", "transB"].map((name) => intAttribute(attributes, name, 0) !== 0);
  const equation = `...${left ? "ji" : "ij"},...${right ? "kj" : "jk"}->...ik`;
  const product =
    left || right ? write.add("Einsum", [a, b], { equation: attribute.string(equation) }) : write.add("MatMul", [a, b]);
  const alpha = floatAttribute(attributes, "alpha", 1);
  return alpha === 1 ? product : write.add("Mul", [product, write.scalar(alpha)]);
}

/** x and what is added to it, normalised over the last axis by mean and deviation; the sum is the fourth output. */
function skipLayerNorm(write: Replacement, { inputs, attributes }: Node): readonly string[] {
  const [x = "", skip = "", scale = "", shift = "", bias = ""] = inputs;
  const sum = plus(write, write.add("Add", [x, skip]), bias);
  const epsilon = { epsilon: attribute.float(floatAttribute(attributes, "epsilon", 1e-12)) };
  const factors = shift === "" ? [sum, scale] : [sum, scale, shift];
  return [write.add("LayerNormalization", factors, { axis: attribute.int(-1), ...epsilon }), "", "", sum];
}

function skipRootMeanSquareNorm(write: Replacement, { inputs, attributes }: Node): readonly string[] {
  const [x = "", skip = "", scale = "", bias = ""] = inputs;
  const sum = plus(write, write.add("Add", [x, skip]), bias);
  const epsilon = { epsilon: attribute.float(floatAttribute(attributes, "epsilon", 1e-12)) };
  return [rootMeanSquareNorm(write, [sum, scale], epsilon) ?? "", "", "", sum];
}

/** The activation that a fused operator ends with, `undefined` for one that is not known. */
function activated(write: Replacement, x: string, attributes: Attributes): string | undefined {
  const name = stringAttribute(attributes, "activation", "");
  const given = attributes.activation_params;
  const [first, second] = given?.kind === "floats" ? given.value : [];
  switch (name) {
    case "":
      return x;
    case "Relu":
    case "Sigmoid":
    case "Tanh":
      return write.add(name, [x]);
    case "LeakyRelu":
      return write.add(name, [x], { alpha: attribute.float(first ?? 0.01) });
    case "HardSigmoid":
      return write.add(name, [x], { alpha: attribute.float(first ?? 0.2), beta: attribute.float(second ?? 0.5) });
    case "Clip":
      return first === undefined || second === undefined
        ? undefined
        : write.add(name, [x, write.scalar(first), write.scalar(second)]);
    default:
      return undefined;
  }
}

function fusedConv(write: Replacement, { inputs, attributes }: Node): string | undefined {
  const [x = "", weight = "", bias = "", added = ""] = inputs;
  const { activation: _, activation_params: __, ...own } = attributes;
  const y = write.add("Conv", bias === "" ? [x, weight] : [x, weight, bias], own);
  return activated(write, plus(write, y, added), attributes);
}

/**
 * softmax(Q K^T / sqrt(width of a head) + attention bias) V for heads side by side in the last axis. With masks by length, packed
 * or remembered keys and values the node stays what it is.
 */
function multiHeadAttention(write: Replacement, { inputs, attributes }: Node): string | undefined {
  const [query = "", key = "", value = "", bias = "", mask = "", attentionBias = "", ...past] = inputs;
  const heads = intAttribute(attributes, "num_heads", 0);
  if (key === "" || value === "" || bias !== "" || mask !== "" || past.some((name) => name !== "") || heads < 1) {
    return undefined;
  }
  if (intAttribute(attributes, "unidirectional", 0) !== 0) {
    return undefined;
  }
  const split = (x: string, order: readonly number[]): string =>
    write.add("Transpose", [write.add("Reshape", [x, write.integers(0, 0, heads, -1)])], {
      perm: attribute.ints(order),
    });
  const [q, k, v] = [split(query, [0, 2, 1, 3]), split(key, [0, 2, 3, 1]), split(value, [0, 2, 1, 3])];
  const products = write.add("MatMul", [q, k]);
  const given = floatAttribute(attributes, "scale", 0);
  const width = write.add("Shape", [q], { start: attribute.int(3), end: attribute.int(4) });
  const root = (): string => write.add("Sqrt", [write.add("CastLike", [width, query])]);
  const scaled = given === 0 ? write.add("Div", [products, root()]) : write.add("Mul", [products, write.scalar(given)]);
  const weights = write.add("Softmax", [plus(write, scaled, attentionBias)], { axis: attribute.int(-1) });
  const mixed = write.add("Transpose", [write.add("MatMul", [weights, v])], { perm: attribute.ints([0, 2, 1, 3]) });
  return write.add("Reshape", [mixed, write.integers(0, 0, -1)]);
}

/** Operators of `com.microsoft` that ONNX Runtime's graph optimizers write, read as what they are made of. */
export const contributedComposites: Readonly<Record<string, Composite>> = {
  // y = x sigmoid(alpha x)
  QuickGelu: {
    attributes: ["alpha"],
    write: (write, { inputs: [x = ""], attributes }) => swish(write, x, floatAttribute(attributes, "alpha", 1.702)),
  },
  Gelu: { attributes: [], write: (write, { inputs: [x = ""] }) => geluByErf(write, x) },
  BiasGelu: {
    attributes: [],
    write: (write, { inputs: [x = "", bias = ""] }) => geluByErf(write, plus(write, x, bias)),
  },
  FastGelu: {
    attributes: [],
    write: (write, { inputs: [x = "", bias = ""] }) => geluByTanh(write, plus(write, x, bias)),
  },
  FusedMatMul: { attributes: ["alpha", "transA", "transB", "transBatchA", "transBatchB"], write: fusedMatMul },
  FusedConv: {
    attributes: [
      "activation",
      "activation_params",
      "auto_pad",
      "dilations",
      "group",
      "kernel_shape",
      "pads",
      "strides",
    ],
    write: fusedConv,
  },
  SkipLayerNormalization: { attributes: ["epsilon"], write: skipLayerNorm },
  SkipSimplifiedLayerNormalization: { attributes: ["epsilon"], write: skipRootMeanSquareNorm },
  MultiHeadAttention: {
    attributes: ["mask_filter_value", "num_heads", "scale", "unidirectional"],
    write: multiHeadAttention,
  },
};
