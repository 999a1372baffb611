import {
  type ConstantTensor,
  defaultOpset,
  findProblem,
  type Graph,
  type Node,
  prune,
  subgraphsOf,
  type TensorType,
  valueNames,
} from "../ir/index.js";
import { fixDimensions, withLengths } from "./fix-dimensions.js";
import { NodeImporter } from "./import-nodes.js";
import type { GraphMessage, ModelMessage, TensorMessage } from "./messages.js";
import { parametersKey, producer } from "./metadata.js";
import { damaged, unsupported } from "./problems.js";
import { type Renaming, renameStored } from "./stored-names.js";
import { type Precision, typeUnder } from "./tensors.js";
import { torchNames } from "./torch-names.js";
import { chooseTrainable, type Trainable } from "./trainable.js";
import { typeNodes } from "./typing.js";
import { needsOwnOpset } from "./upgrade.js";
import { readInput, requireOperatorSet, tensorTypeOf } from "./values.js";

/** How a model is read. */
export interface ImportOptions {
  /**
   * Which stored `float32` tensors are trained, by name: `"all"`, `"none"`, patterns such as `"head.*"`, regular expressions, a
   * list of these, or a function. Files that this package wrote say so themselves.
   * @default those the file names; for other files `"all"`
   */
  readonly trainable?: Trainable;
  /**
   * Lengths for symbolic axes, by symbol: `{ N: 4 }`. What follows from them is computed on reading, and more has a derivative
   * (interpolation needs lengths, for one); the graph then takes inputs of these lengths only.
   * @default none; all symbols stay
   */
  readonly dims?: Readonly<Record<string, number>>;
  /**
   * What becomes of 16-bit floats. `"float32"` widens them: weights, inputs, outputs and everything computed. `"as-stored"` keeps
   * them, for inference only: half the memory, where the provider has kernels for them.
   * @default "float32"
   */
  readonly precision?: Precision;
  /**
   * What stored tensors are called. `"pytorch"` gives the weights that PyTorch's exporters store under made-up names
   * (`onnx::MatMul_123`, `val_7`) the names and the layout of the module's state dict, as far as the file tells.
   * @default "as-stored"
   */
  readonly names?: "as-stored" | "pytorch";
  /** Names for stored tensors, by the names in the file; they go before those of `names`. @default none */
  readonly rename?: Renaming;
}

/** Gives the tensor that a message stands for; `what` is what messages call it. */
type TensorReader = (message: TensorMessage, what: string) => ConstantTensor;

/** Makes the graph of a decoded model. */
export function importModel(model: ModelMessage, options: ImportOptions, readTensor: TensorReader): Graph {
  const { dims, precision = "float32" } = options;
  const made = new Map<TensorMessage, ConstantTensor>();
  // Functions are written out as often as they are called; what they store is read once.
  const tensor: TensorReader = (message, what) => {
    const known = made.get(message) ?? readTensor(message, what);
    made.set(message, known);
    return known;
  };
  const opset = requireOperatorSet(model.operatorSets);
  const message = model.graph ?? damaged("it holds no graph");
  const stored = readInitializers(message, tensor);
  const declaredInputs = message.inputs
    .filter(({ name }) => !stored.has(name))
    .map(readInput)
    .map((input) => ({ ...input, type: typeUnder(precision, input.type) }));
  const inputs = dims ? fixDimensions(declaredInputs, dims) : declaredInputs;
  const importer = new NodeImporter(model, opset, [...stored.keys(), ...inputs.map(({ name }) => name)], {
    precision,
    tensor,
  });
  importer.read(message.nodes);
  for (const [name, constant] of importer.initializers) {
    if (stored.has(name)) {
      damaged(`the value "${name}" is made twice`);
    }
    stored.set(name, constant);
  }
  const constants = new Set(importer.initializers.keys());
  const read: Graph = {
    name: message.name || "graph",
    opset: defaultOpset,
    inputs,
    outputs: message.outputs.map(({ name }) => name),
    nodes: importer.nodes,
    initializers: stored,
    valueInfo: new Map(),
    parameters: [],
  };
  const problem = findProblem(read);
  if (problem !== undefined) {
    return damaged(problem);
  }
  const named = renameStored(read, {
    ...(options.names === "pytorch" ? torchNames(read, importer.modules) : {}),
    ...options.rename,
  });
  for (const name of valueNames(named)) {
    importer.names.reserve(name);
  }
  const parameters = chooseParameters(model, named, constants, options.trainable);
  const isOwn = model.producer === producer;
  const fold = !isOwn || dims !== undefined;
  const typed = typeNodes({
    ...named,
    parameters: new Set(parameters),
    declared: declaredTypes(message, precision, dims),
    fold,
    versionOf: (domain) => (domain === "" ? Math.max(defaultOpset, opset) : versionOf(model, domain)),
    names: importer.names,
    nodeNames: importer.nodeNames,
  });
  const whole: Graph = { ...named, ...typed, parameters };
  const graph = fold ? prune(whole) : whole;
  const keepsOpset =
    precision === "as-stored" || graph.nodes.some((node) => node.opaque !== undefined || needsOwnOpset(node));
  const domains = usedDomains(model, graph.nodes);
  return {
    ...graph,
    opset: keepsOpset ? Math.max(defaultOpset, opset) : defaultOpset,
    ...(domains.size > 0 && { domains }),
  };
}

function readInitializers(message: GraphMessage, tensor: TensorReader): Map<string, ConstantTensor> {
  if (message.sparseInitializers.length > 0) {
    unsupported("it stores sparse tensors");
  }
  const initializers = new Map<string, ConstantTensor>();
  for (const stored of message.initializers) {
    if (stored.name === "" || initializers.has(stored.name)) {
      damaged(stored.name === "" ? "an initializer has no name" : `two initializers are called "${stored.name}"`);
    }
    initializers.set(stored.name, tensor(stored, `the initializer "${stored.name}"`));
  }
  return initializers;
}

/** What the file says of the types of computed values: of outputs always, of others when the exporter wrote it down. */
function declaredTypes(
  message: GraphMessage,
  precision: Precision,
  dims: Readonly<Record<string, number>> = {},
): Map<string, TensorType> {
  const declared = new Map<string, TensorType>();
  for (const value of [...message.values, ...message.outputs]) {
    const type = tensorTypeOf(value);
    if (type) {
      declared.set(value.name, { type: typeUnder(precision, type.type), shape: withLengths(type.shape, dims) });
    }
  }
  return declared;
}

/** Versions of the operator sets beside ONNX's own that nodes are of. */
function usedDomains(model: ModelMessage, nodes: readonly Node[]): Map<string, number> {
  const used = new Set<string>();
  const visit = (node: Node): void => {
    used.add(node.domain);
    for (const body of subgraphsOf(node)) {
      body.nodes.forEach(visit);
    }
  };
  nodes.forEach(visit);
  used.delete("");
  return new Map(Array.from(used, (domain) => [domain, versionOf(model, domain)]));
}

function versionOf({ operatorSets }: ModelMessage, domain: string): number {
  return operatorSets.find((set) => set.domain === domain)?.version ?? 1;
}

function chooseParameters(
  model: ModelMessage,
  graph: Graph,
  constants: ReadonlySet<string>,
  trainable: Trainable | undefined,
): string[] {
  const written = model.metadata.find(({ key }) => key === parametersKey)?.value;
  if (written === undefined || trainable !== undefined) {
    return chooseTrainable(trainable ?? "all", graph, constants);
  }
  const known = new Set([...graph.initializers.keys(), ...graph.inputs.map(({ name }) => name)]);
  return parseNames(written).filter((name) => known.has(name));
}

function parseNames(text: string): string[] {
  try {
    const names: unknown = JSON.parse(text);
    return Array.isArray(names) ? names.filter((name) => typeof name === "string") : [];
  } catch {
    return damaged(`its metadata "${parametersKey}" is not a list of names`);
  }
}
