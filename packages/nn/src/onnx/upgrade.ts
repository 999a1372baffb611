import { attribute, type ConstantTensor, constantTensor, int64Vector, intsAttribute, type Node } from "../ir/index.js";
import { decompose, type Upgraded, type UpgradeOptions } from "./decompose.js";

const reductionsWithAxesAttribute = new Set([
  "ReduceMean",
  "ReduceMax",
  "ReduceMin",
  "ReduceProd",
  "ReduceL1",
  "ReduceL2",
  "ReduceSumSquare",
  "ReduceLogSumExp",
]);

/**
 * Rewrites a node of operator set 13 to 22 into the form that set 18 has, so that the rest of the package knows one form
 * only. What changed in that range, for operators in the table: reductions got their axes as an input (18), Split needs
 * the number of its outputs (18), average pooling got dilations (19), Gelu and GroupNormalization came (20 and 18, changed in
 * 21) and are written as what they are made of, and `Constant` nodes are stored as the constants they are.
 * @param node as it is in the file
 */
export function upgradeNode(node: Node, options: UpgradeOptions): Upgraded {
  if (node.op === "Constant" && node.domain === "") {
    const value = constantValue(node);
    return value ? { nodes: [], constants: new Map([[node.outputs[0] ?? "", value]]) } : unchanged(node);
  }
  const written = node.domain === "" ? decompose(node, options) : undefined;
  if (written) {
    return written;
  }
  const axes = intsAttribute(node.attributes, "axes");
  if (reductionsWithAxesAttribute.has(node.op) && axes && node.inputs.length === 1) {
    const name = options.fresh(`${node.outputs[0]}_axes`);
    const { axes: _, ...attributes } = node.attributes;
    return {
      nodes: [{ ...node, inputs: [...node.inputs, name], attributes }],
      constants: new Map([[name, int64Vector(axes)]]),
    };
  }
  if (node.op === "Split" && !node.inputs[1] && !node.attributes.num_outputs) {
    const attributes = { ...node.attributes, num_outputs: attribute.int(node.outputs.length) };
    return unchanged({ ...node, attributes });
  }
  if (node.op === "AveragePool" && intsAttribute(node.attributes, "dilations")?.every((dilation) => dilation === 1)) {
    const { dilations: _, ...attributes } = node.attributes;
    return unchanged({ ...node, attributes });
  }
  return unchanged(node);
}

const unchanged = (node: Node): Upgraded => ({ nodes: [node], constants: new Map() });

function constantValue(node: Node): ConstantTensor | undefined {
  const { value, value_float: float, value_int: int, value_floats: floats, value_ints: ints } = node.attributes;
  if (value?.kind === "tensor") {
    return value.value;
  }
  if (float?.kind === "float") {
    return constantTensor("float32", [], Float32Array.of(float.value));
  }
  if (int?.kind === "int") {
    return constantTensor("int64", [], BigInt64Array.of(BigInt(int.value)));
  }
  if (floats?.kind === "floats") {
    return constantTensor("float32", [floats.value.length], Float32Array.from(floats.value));
  }
  return ints?.kind === "ints" ? int64Vector(ints.value) : undefined;
}
