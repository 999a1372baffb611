import { ArgumentError, didYouMean } from "@diffusiongym/core";
import { attribute, type ConstantTensor, consumers, type Graph, type Node, rename, UniqueNames } from "../ir/index.js";

/** What a stored tensor is to be called. */
export interface NewName {
  readonly name: string;
  /**
   * Store the matrix the other way round, [out, in] as PyTorch has it, where the file holds [in, out] for its MatMul. The
   * graph turns it back, at no cost: the runtime folds that into the stored weight or into the product.
   * @default false
   */
  readonly transpose?: boolean;
}

/** New names of stored tensors, by the names that they have in the file. */
export type Renaming = Readonly<Record<string, string | NewName>>;

/** The graph with stored tensors under other names, and matrices in the other layout where that is asked for. */
export function renameStored(graph: Graph, renaming: Renaming): Graph {
  const names = new Map<string, string>();
  for (const [stored, given] of Object.entries(renaming)) {
    const tensor = graph.initializers.get(stored);
    if (!tensor) {
      throw new ArgumentError(
        `parseOnnx: rename: the file stores no tensor "${stored}"${didYouMean(stored, graph.initializers.keys())}`,
        "rename",
        stored,
      );
    }
    const { name, transpose = false } = typeof given === "string" ? { name: given } : given;
    if (transpose && tensor.shape.length !== 2) {
      throw new ArgumentError(
        `parseOnnx: rename: "${stored}" has ${tensor.shape.length} axes; only matrices are transposed.`,
        "rename",
        stored,
      );
    }
    names.set(stored, name);
  }
  const renamed = rename(graph, names);
  const turned = Object.entries(renaming).flatMap(([, given]) =>
    typeof given === "object" && given.transpose ? [given.name] : [],
  );
  return turned.length === 0 ? renamed : withTransposed(renamed, turned);
}

/** Stores matrices transposed and turns them back in the graph, so that the network stays the same. */
function withTransposed(graph: Graph, names: readonly string[]): Graph {
  const unique = new UniqueNames([...graph.initializers.keys(), ...graph.inputs.map(({ name }) => name)]);
  const nodeNames = new UniqueNames(graph.nodes.map(({ name }) => name));
  for (const output of graph.nodes.flatMap(({ outputs }) => outputs)) {
    unique.reserve(output);
  }
  const backwards = new Map(names.map((name) => [name, unique.unique(`${name}.T`)]));
  // The new name goes to the turned value; then the stored one takes its place.
  const moved = rename(graph, backwards);
  const initializers = new Map<string, ConstantTensor>();
  for (const [name, tensor] of graph.initializers) {
    initializers.set(name, backwards.has(name) ? transposed(tensor) : tensor);
  }
  const turns = Array.from(
    backwards,
    ([name, turned]): Node => ({
      op: "Transpose",
      domain: "",
      name: nodeNames.unique(turned),
      inputs: [name],
      outputs: [turned],
      attributes: { perm: attribute.ints([1, 0]) },
    }),
  );
  return { ...moved, initializers, nodes: [...turns, ...moved.nodes] };
}

function transposed(tensor: ConstantTensor): ConstantTensor {
  const [rows, columns] = tensor.shape as [number, number];
  const data = tensor.data.slice();
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++) {
      data[j * rows + i] = tensor.data[i * columns + j]!;
    }
  }
  return { ...tensor, shape: [columns, rows], data } as ConstantTensor;
}

/** Names that exporters of PyTorch make up, because what they store is not what the module held. */
const generated = /^(onnx::\w+|_?val_\d+|\d+)$/;

/**
 * PyTorch's names for the weights that its exporters store under names of their own: those of Linear layers, which they
 * store transposed for MatMul, and those of convolutions into which a batch norm was folded. The module's name is in the
 * node's: `/blocks.0/linear/MatMul`, or in what the newer exporter notes with each node.
 * @param modules what the newer exporter noted, by node name
 */
export function torchNames(graph: Graph, modules: ReadonlyMap<string, string>): Renaming {
  const readers = consumers(graph);
  const taken = new Set(graph.initializers.keys());
  const found: Record<string, NewName> = {};
  for (const [stored, tensor] of graph.initializers) {
    const node = generated.test(stored) && tensor.type === "float32" ? readers.get(stored)?.[0] : undefined;
    const role = node && roleOf(node, stored, tensor);
    const module = node && moduleOf(node, modules);
    const name = role && module ? `${module}.${role.part}` : undefined;
    if (name !== undefined && !taken.has(name)) {
      taken.add(name);
      found[stored] = { name, transpose: role!.transpose };
    }
  }
  return found;
}

function roleOf(
  node: Node,
  stored: string,
  { shape }: ConstantTensor,
): { part: string; transpose: boolean } | undefined {
  const input = node.inputs.indexOf(stored);
  const rank = shape.length;
  switch (node.op) {
    case "MatMul":
      return input === 1 && rank === 2 ? { part: "weight", transpose: true } : undefined;
    case "Gemm": {
      const isTurned = node.attributes.transB?.kind === "int" && node.attributes.transB.value !== 0;
      return input === 1
        ? { part: "weight", transpose: !isTurned }
        : input === 2
          ? { part: "bias", transpose: false }
          : undefined;
    }
    case "Conv":
    case "ConvTranspose":
      return input === 1 || input === 2 ? { part: input === 1 ? "weight" : "bias", transpose: false } : undefined;
    default:
      return undefined;
  }
}

/** The PyTorch module that a node belongs to, `undefined` when nothing tells. */
function moduleOf(node: Node, modules: ReadonlyMap<string, string>): string | undefined {
  const noted = modules.get(node.name);
  if (noted !== undefined) {
    // A Python list of nested scopes: ['', 'blocks.0', 'blocks.0.linear', 'linear'], the operation itself last.
    const scopes = [...noted.matchAll(/'([^']*)'/g)].map(([, scope]) => scope!);
    return scopes.at(-2) || undefined;
  }
  if (!node.name.startsWith("/")) {
    return undefined;
  }
  const path = node.name.split("/").slice(1, -1);
  // In a Sequential each part repeats the one before it: /ff/ff.0/MatMul.
  const parts = path.filter((part, i) => !path[i + 1]?.startsWith(`${part}.`));
  return parts.join(".") || undefined;
}
