import { fromBinary } from "@bufbuild/protobuf";
import { DiffusionGymError, FormatError } from "@diffusiongym/core";
import { type GraphProto, type ModelProto, ModelProtoSchema, type NodeProto, type ValueInfoProto } from "onnx-buf";
import {
  type ConstantTensor,
  type Dimension,
  defaultOpset,
  findProblem,
  type Graph,
  type Node,
  UniqueNames,
  type ValueInfo,
} from "../ir/index.js";
import { findOp, inferTypes } from "../ops/index.js";
import { readAttribute } from "./attributes.js";
import { fixDimensions } from "./fix-dimensions.js";
import { damaged, unsupported } from "./problems.js";
import { elementType, readTensor } from "./tensors.js";
import { upgradeNode } from "./upgrade.js";

/** Oldest and newest ONNX operator sets that are read. */
export const readableOpsets = [13, 22] as const;

/** Key of the model's metadata under which the names of the parameters are kept. */
export const parametersKey = "diffusiongym.parameters";

/** How a file is read. */
export interface ParseOnnxOptions {
  /**
   * Which stored `float32` tensors are trainable: chosen by name. Files that this package wrote say so themselves.
   * @default those the file names; for other files, all that the file stores as initializers
   */
  readonly trainable?: (name: string, tensor: ConstantTensor) => boolean;
  /**
   * Lengths for symbolic axes, by symbol: `{ N: 4 }`. What follows from them is computed on reading, and more has a derivative
   * (interpolation needs lengths, for one); the graph then takes inputs of these lengths only.
   * @default none; all symbols stay
   */
  readonly dims?: Readonly<Record<string, number>>;
}

/**
 * Reads an ONNX model. Older and newer operator sets are brought to the one form that the package works with, `Constant`
 * nodes become initializers, and every value's type is inferred. Parameters come frozen; `thaw` the graph to train them.
 * @param bytes the file
 * @throws FormatError for bytes that are damaged or not ONNX; IncompatibleError naming operator, operator set and node for
 *   a file that uses something this package does not know; ArgumentError for `dims` that the file does not have
 */
export function parseOnnx(bytes: Uint8Array, options: ParseOnnxOptions = {}): Graph {
  const model = decode(bytes);
  const opset = operatorSet(model);
  const { graph } = model;
  if (!graph) {
    return damaged("it holds no graph");
  }
  const initializers = readInitializers(graph);
  const stored = [...initializers.keys()];
  const declared = graph.input.filter((input) => !initializers.has(input.name)).map(readInput);
  const inputs = options.dims ? fixDimensions(declared, options.dims) : declared;
  const names = new UniqueNames([
    ...stored,
    ...inputs.map((input) => input.name),
    ...graph.node.flatMap((node) => node.output),
  ]);
  const nodeNames = new UniqueNames();
  const nodes: Node[] = [];
  graph.node.forEach((proto, index) => {
    const given = readNode(proto, index, nodeNames);
    const { nodes: upgraded, constants } = upgradeNode(given, {
      opset,
      fresh: (base) => names.unique(base),
      freshNode: (base) => nodeNames.unique(base),
    });
    for (const [name, tensor] of constants) {
      if (initializers.has(name)) {
        damaged(`the value "${name}" is made twice`);
      }
      initializers.set(name, tensor);
    }
    for (const node of upgraded) {
      requireKnown(node, opset);
      nodes.push(node);
    }
  });
  const read: Graph = {
    name: graph.name || "graph",
    opset: defaultOpset,
    inputs,
    outputs: graph.output.map((output) => output.name),
    nodes,
    initializers,
    valueInfo: new Map(),
    parameters: chooseParameters(model, { stored, initializers, inputs, options }),
  };
  const problem = findProblem(read);
  if (problem !== undefined) {
    return damaged(problem);
  }
  try {
    return inferTypes(read);
  } catch (error) {
    if (DiffusionGymError.isInstance(error) && !(error instanceof FormatError)) {
      return damaged(error.message.replace(/\.$/, ""));
    }
    throw error;
  }
}

function decode(bytes: Uint8Array): ModelProto {
  let model: ModelProto;
  try {
    model = fromBinary(ModelProtoSchema, bytes);
  } catch (error) {
    return damaged(
      `its ${bytes.length} bytes do not decode (${error instanceof Error ? error.message : String(error)})`,
    );
  }
  if (model.irVersion <= 0n || model.opsetImport.length === 0) {
    damaged(`its ${bytes.length} bytes do not describe a model`);
  }
  return model;
}

function operatorSet(model: ModelProto): number {
  const found = model.opsetImport.find((entry) => entry.domain === "" || entry.domain === "ai.onnx");
  const opset = Number(found?.version ?? 0n);
  const [oldest, newest] = readableOpsets;
  if (opset < oldest || opset > newest) {
    unsupported(
      `it uses the operator set ${opset}; sets ${oldest} to ${newest} are read. Convert it, or export it again`,
    );
  }
  return opset;
}

function readInitializers(graph: GraphProto): Map<string, ConstantTensor> {
  if (graph.sparseInitializer.length > 0) {
    unsupported("it stores sparse tensors");
  }
  const initializers = new Map<string, ConstantTensor>();
  for (const proto of graph.initializer) {
    if (proto.name === "" || initializers.has(proto.name)) {
      damaged(proto.name === "" ? "an initializer has no name" : `two initializers are called "${proto.name}"`);
    }
    initializers.set(proto.name, readTensor(proto, `the initializer "${proto.name}"`));
  }
  return initializers;
}

function readInput(proto: ValueInfoProto): ValueInfo {
  const what = `the input "${proto.name}"`;
  const value = proto.type?.value;
  if (value?.case !== "tensorType") {
    return unsupported(`${what} is not a tensor`);
  }
  if (!value.value.shape) {
    return unsupported(`${what} has no shape; export it with a fixed number of axes`);
  }
  const shape = value.value.shape.dim.map((dimension, axis): Dimension => {
    if (dimension.value.case === "dimParam" && dimension.value.value !== "") {
      return dimension.value.value;
    }
    if (dimension.value.case !== "dimValue") {
      return `${proto.name}.${axis}`;
    }
    const length = Number(dimension.value.value);
    return length < 0 || !Number.isSafeInteger(length) ? damaged(`${what} has an axis of length ${length}`) : length;
  });
  return { name: proto.name, type: elementType(value.value.elemType, what), shape };
}

function readNode(proto: NodeProto, index: number, names: UniqueNames): Node {
  const name = names.unique(proto.name || `${proto.opType}_${index}`);
  const what = `the node "${name}" (${proto.opType})`;
  return {
    op: proto.opType,
    domain: proto.domain === "ai.onnx" ? "" : proto.domain,
    name,
    inputs: proto.input,
    outputs: proto.output,
    attributes: Object.fromEntries(proto.attribute.map((entry) => [entry.name, readAttribute(entry, what)])),
  };
}

function requireKnown(node: Node, opset: number): void {
  const definition = node.domain === "" ? findOp(node.op) : undefined;
  if (!definition) {
    const operator = node.domain === "" ? node.op : `${node.domain}.${node.op}`;
    unsupported(`the operator ${operator} (operator set ${opset}, node "${node.name}") is not supported`);
  }
  const unknown = Object.keys(node.attributes).find((name) => !definition?.attributes.includes(name));
  if (unknown !== undefined) {
    unsupported(
      `the attribute "${unknown}" of ${node.op} (operator set ${opset}, node "${node.name}") is not supported`,
    );
  }
}

interface Choice {
  readonly stored: readonly string[];
  readonly initializers: ReadonlyMap<string, ConstantTensor>;
  readonly inputs: readonly ValueInfo[];
  readonly options: ParseOnnxOptions;
}

function chooseParameters(model: ModelProto, { stored, initializers, inputs, options }: Choice): string[] {
  const written = model.metadataProps.find((entry) => entry.key === parametersKey)?.value;
  if (written !== undefined && !options.trainable) {
    const known = new Set([...stored, ...inputs.map((input) => input.name)]);
    return parseNames(written).filter((name) => known.has(name));
  }
  const floats = stored.filter((name) => initializers.get(name)!.type === "float32");
  return floats.filter((name) => options.trainable?.(name, initializers.get(name)!) ?? true);
}

function parseNames(text: string): string[] {
  try {
    const names: unknown = JSON.parse(text);
    return Array.isArray(names) ? names.filter((name) => typeof name === "string") : [];
  } catch {
    return damaged(`its metadata "${parametersKey}" is not a list of names`);
  }
}
