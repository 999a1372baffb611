import { type ConstantTensor, type Node, renameNode, type Subgraph, type UniqueNames } from "../ir/index.js";

/** What gives names. */
interface Naming {
  readonly names: UniqueNames;
  readonly nodeNames: UniqueNames;
}

/** The body of a branch as nodes of the graph around it, making the outputs of the node that it belongs to. */
export function inlineBranch(
  node: Node,
  body: Subgraph,
  { names, nodeNames }: Naming,
): { readonly nodes: readonly Node[]; readonly initializers: ReadonlyMap<string, ConstantTensor> } {
  const made = new Set(body.nodes.flatMap(({ outputs }) => outputs).filter((name) => name !== ""));
  const renamed = new Map<string, string>();
  const copies: Node[] = [];
  node.outputs.forEach((output, i) => {
    const inner = body.outputs[i]!;
    if (output === "") {
      return;
    }
    if (made.has(inner) && !renamed.has(inner)) {
      renamed.set(inner, output);
    } else {
      const name = nodeNames.unique(`${node.name}/Identity`);
      copies.push({ op: "Identity", domain: "", name, inputs: [inner], outputs: [output], attributes: {} });
    }
  });
  for (const name of [...made, ...body.initializers.keys()]) {
    if (!renamed.has(name)) {
      renamed.set(name, names.unique(name));
    }
  }
  const rename = (name: string): string => renamed.get(name) ?? name;
  return {
    nodes: [
      ...body.nodes.map((inner) => renameNode(inner, rename)),
      ...copies.map((copy) => ({ ...copy, inputs: copy.inputs.map(rename) })),
    ],
    initializers: new Map([...body.initializers].map(([name, tensor]) => [rename(name), tensor])),
  };
}
