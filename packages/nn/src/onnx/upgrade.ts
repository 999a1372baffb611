import {
  attribute,
  type ConstantTensor,
  constantTensor,
  int64Vector,
  intsAttribute,
  type Node,
  stringAttribute,
} from "../ir/index.js";
import { decompose, type Upgraded, type UpgradeOptions } from "./decompose.js";
import { unsupported } from "./problems.js";

const reductionsWithAxesAttribute = new Set([
  "ReduceMean",
  "ReduceMax",
  "ReduceMin",
  "ReduceProd",
  "ReduceL1",
  "ReduceL2",
  "ReduceSumSquare",
  "ReduceLogSum",
  "ReduceLogSumExp",
]);

/**
 * Rewrites a node of operator set 13 to 22 into the form that set 18 has, so that the rest of the package knows one form
 * only. What changed in that range: reductions got their axes as an input (18), Split needs the number of its outputs (18),
 * RoiAlign got another default (16), average pooling got dilations (19), casts got `saturate` (19), which matters for 8-bit
 * floats only, Gelu and GroupNormalization came (20 and 18, changed in 21) and are written as what they are made of, and
 * `Constant` nodes are stored as the constants they are. The other changes up to 18 added element types and attributes whose
 * defaults mean what was meant before; for those after it see `needsOwnOpset`.
 * @param node as it is in the file
 */
export function upgradeNode(node: Node, options: UpgradeOptions): Upgraded {
  if (node.domain !== "") {
    return decompose(node, options) ?? unchanged(node);
  }
  if (node.op === "Constant") {
    return { nodes: [], constants: new Map([[node.outputs[0] ?? "", constantValue(node)]]) };
  }
  const written = decompose(node, options);
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
  if (node.op === "Cast" && node.attributes.saturate) {
    const { saturate: _, ...attributes } = node.attributes;
    return unchanged({ ...node, attributes });
  }
  if (node.op === "RoiAlign" && options.opset < 16) {
    const attributes = { ...node.attributes, coordinate_transformation_mode: attribute.string("output_half_pixel") };
    return unchanged({ ...node, attributes });
  }
  // Outside of training, dropout does nothing; which it is, is said by the third input.
  if (node.op === "Dropout" && !node.inputs[2] && !node.outputs[1]) {
    return unchanged({
      ...node,
      op: "Identity",
      inputs: node.inputs.slice(0, 1),
      outputs: node.outputs.slice(0, 1),
      attributes: {},
    });
  }
  return unchanged(node);
}

/**
 * True for a node in the form of set 18 that says something which set 18 does not have, so that its graph has to keep the
 * operator set of its file: padding by wrapping around, dilated average pooling, a way of resizing (all of 19), and other
 * names for the modes of GridSample (20).
 */
export function needsOwnOpset({ op, attributes }: Node): boolean {
  switch (op) {
    case "Pad":
      return stringAttribute(attributes, "mode", "") === "wrap";
    case "AveragePool":
      return attributes.dilations !== undefined;
    case "Resize":
      return stringAttribute(attributes, "coordinate_transformation_mode", "") === "half_pixel_symmetric";
    case "GridSample":
      return ["linear", "cubic"].includes(stringAttribute(attributes, "mode", ""));
    default:
      return false;
  }
}

const unchanged = (node: Node): Upgraded => ({ nodes: [node], constants: new Map() });

function constantValue(node: Node): ConstantTensor {
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
  if (ints?.kind === "ints") {
    return int64Vector(ints.value);
  }
  const given = Object.keys(node.attributes).join(", ");
  return unsupported(
    `the Constant "${node.name}" holds ${given === "" ? "nothing" : given}; tensors, floats and integers are read, text and sparse tensors are not`,
  );
}
