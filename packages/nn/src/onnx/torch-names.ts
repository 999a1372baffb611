import { type ConstantTensor, consumers, type Graph, intAttribute, type Node } from "../ir/index.js";
import type { Layout, NewName, Renaming } from "./stored-names.js";

/** Names that exporters of PyTorch make up, because what they store is not what the module held. */
export const generatedName = /^(onnx::\w+|_?val_\d+|\d+)$/;

/**
 * PyTorch's names for the weights that its exporters store under names of their own: those of Linear layers, which they
 * store transposed for MatMul, those of group norms, which they store as [channels, 1, 1] for Mul and Add, and those of
 * convolutions into which a batch norm was folded. The name of the bias beside a weight tells its own; otherwise the module's
 * name is in the node's, `/blocks.0/linear/MatMul`, or in what the newer exporter notes with each node.
 * @param modules what the newer exporter noted, by node name
 */
export function torchNames(graph: Graph, modules: ReadonlyMap<string, string>): Renaming {
  const readers = consumers(graph);
  const taken = new Set(graph.initializers.keys());
  const found: Record<string, NewName> = {};
  for (const [stored, tensor] of graph.initializers) {
    const node = generatedName.test(stored) && tensor.type === "float32" ? readers.get(stored)?.[0] : undefined;
    const role = node && roleOf(node, stored, tensor);
    if (!node || !role) {
      continue;
    }
    const { part, ...layout } = role;
    const module = moduleOf(node, modules);
    const name = besideBias(node, graph, readers) ?? (module && `${module}.${part}`);
    if (name !== undefined && !taken.has(name)) {
      taken.add(name);
      found[stored] = { name, ...layout };
    }
  }
  return found;
}

/** The name of a weight whose product a named bias is added to: `attention.in_proj_bias` is beside `attention.in_proj_weight`. */
function besideBias(
  { op, outputs }: Node,
  { initializers }: Graph,
  readers: ReadonlyMap<string, readonly Node[]>,
): string | undefined {
  const [add, ...others] = op === "MatMul" ? (readers.get(outputs[0]!) ?? []) : [];
  const bias = add?.op === "Add" && others.length === 0 ? add.inputs.find((name) => initializers.has(name)) : undefined;
  return bias !== undefined && /bias$/.test(bias) ? bias.replace(/bias$/, "weight") : undefined;
}

function roleOf(node: Node, stored: string, { shape }: ConstantTensor): (Layout & { part: string }) | undefined {
  const input = node.inputs.indexOf(stored);
  switch (node.op) {
    case "MatMul":
      return input === 1 && shape.length === 2 ? { part: "weight", transpose: true } : undefined;
    case "Gemm": {
      const transpose = intAttribute(node.attributes, "transB", 0) === 0;
      return input === 1 ? { part: "weight", transpose } : input === 2 ? { part: "bias" } : undefined;
    }
    case "Conv":
    case "ConvTranspose":
      return input === 1 || input === 2 ? { part: input === 1 ? "weight" : "bias" } : undefined;
    case "Mul":
    case "Add": {
      const [channels = 1, ...others] = shape;
      const isPerChannel = channels > 1 && others.length > 0 && others.every((length) => length === 1);
      return isPerChannel ? { part: node.op === "Mul" ? "weight" : "bias", shape: [channels] } : undefined;
    }
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
