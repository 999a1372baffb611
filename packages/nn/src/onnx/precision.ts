import { attribute, type Node } from "../ir/index.js";
import { onnxTypeCode } from "../ops/index.js";
import type { Precision } from "./tensors.js";

/** The attribute by which an operator says the element type that it makes. */
const typeAttributes: Readonly<Record<string, string>> = {
  Cast: "to",
  EyeLike: "dtype",
  RandomNormal: "dtype",
  RandomNormalLike: "dtype",
  RandomUniform: "dtype",
  RandomUniformLike: "dtype",
  Bernoulli: "dtype",
  SequenceEmpty: "dtype",
  HannWindow: "output_datatype",
  HammingWindow: "output_datatype",
  BlackmanWindow: "output_datatype",
  MelWeightMatrix: "output_datatype",
};

/**
 * The node of a network that is computed in `float32`: what it would make of 16-bit floats, it makes of 32. Every 16-bit
 * number is a 32-bit number, so that constants, -65504 and infinities among them, stay what they are; sums that would
 * overflow in 16 bits do not.
 */
export function withoutHalfPrecision(node: Node, precision: Precision): Node {
  const name = typeAttributes[node.op];
  const given = name === undefined || node.domain !== "" ? undefined : node.attributes[name];
  const isHalf =
    given?.kind === "int" && (given.value === onnxTypeCode.float16 || given.value === onnxTypeCode.bfloat16);
  return precision === "float32" && name !== undefined && isHalf
    ? { ...node, attributes: { ...node.attributes, [name]: attribute.int(onnxTypeCode.float32) } }
    : node;
}
