import { ArgumentError, didYouMean, sameShape } from "@diffusiongym/core";
import {
  attribute,
  type ConstantTensor,
  type Graph,
  int64Vector,
  type Node,
  rename,
  UniqueNames,
  valueNames,
} from "../ir/index.js";

/** What a stored tensor is to be called. */
export interface NewName {
  readonly name: string;
  /**
   * Store the matrix the other way round, [out, in] as PyTorch has it, where the file holds [in, out] for its MatMul. The
   * graph turns it back, at no cost: the runtime folds that into the stored weight or into the product.
   * @default false
   */
  readonly transpose?: boolean;
  /**
   * Store under another shape with as many entries, [8] as PyTorch has it, where the file holds [8, 1, 1] for its Mul. The graph
   * gives it the old one, at no cost. @default the shape in the file
   */
  readonly shape?: readonly number[];
}

/** New names of stored tensors, by the names that they have in the file. */
export type Renaming = Readonly<Record<string, string | NewName>>;

/** The graph with stored tensors under other names, and in the other layout where that is asked for. */
export function renameStored(graph: Graph, renaming: Renaming): Graph {
  const names = new Map<string, string>();
  const stored = new Map<string, Layout>();
  for (const [old, given] of Object.entries(renaming)) {
    const tensor = graph.initializers.get(old);
    if (!tensor) {
      throw new ArgumentError(
        `parseOnnx: rename: the file stores no tensor "${old}"${didYouMean(old, graph.initializers.keys())}`,
        "rename",
        old,
      );
    }
    const { name, ...layout } = typeof given === "string" ? { name: given } : given;
    names.set(old, name);
    if (layout.transpose || (layout.shape && !sameShape(layout.shape, tensor.shape))) {
      requireFits(old, tensor, layout);
      stored.set(name, layout);
    }
  }
  const renamed = rename(graph, names);
  return stored.size === 0 ? renamed : withLayouts(renamed, stored);
}

/** How a stored tensor is laid out. */
export type Layout = Omit<NewName, "name">;

function requireFits(name: string, { shape, data }: ConstantTensor, layout: Layout): void {
  const problem =
    layout.transpose && shape.length !== 2
      ? `has ${shape.length} axes; only matrices are transposed`
      : layout.shape && layout.shape.reduce((product, length) => product * length, 1) !== data.length
        ? `has ${data.length} entries, and the shape [${layout.shape.join(", ")}] another number`
        : undefined;
  if (problem !== undefined) {
    throw new ArgumentError(`parseOnnx: rename: "${name}" ${problem}.`, "rename", name);
  }
}

/** Stores tensors in other layouts and turns them back in the graph, so that the network stays the same. */
function withLayouts(graph: Graph, layouts: ReadonlyMap<string, Layout>): Graph {
  const unique = new UniqueNames(valueNames(graph));
  const nodeNames = new UniqueNames(graph.nodes.map(({ name }) => name));
  const backwards = new Map(Array.from(layouts.keys(), (name) => [name, unique.unique(`${name}.as_used`)]));
  // The value that is used gets a name of its own; then what is stored takes the old one.
  const moved = rename(graph, backwards);
  const initializers = new Map<string, ConstantTensor>();
  const turns: Node[] = [];
  for (const [name, tensor] of graph.initializers) {
    const layout = layouts.get(name);
    if (!layout) {
      initializers.set(name, tensor);
      continue;
    }
    const output = backwards.get(name)!;
    const node = { domain: "", name: nodeNames.unique(output), outputs: [output] };
    if (layout.transpose) {
      initializers.set(name, transposed(tensor));
      turns.push({ ...node, op: "Transpose", inputs: [name], attributes: { perm: attribute.ints([1, 0]) } });
    } else {
      const target = unique.unique(`${name}.shape`);
      initializers.set(name, { ...tensor, shape: layout.shape! });
      initializers.set(target, int64Vector(tensor.shape));
      turns.push({ ...node, op: "Reshape", inputs: [name, target], attributes: {} });
    }
  }
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
