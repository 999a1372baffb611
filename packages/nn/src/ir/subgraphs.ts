import type { Node, Subgraph } from "./types.js";

/** The bodies among a node's attributes. */
export function subgraphsOf(node: Node): Subgraph[] {
  return Object.values(node.attributes).flatMap((attribute) => (attribute.kind === "graph" ? [attribute.value] : []));
}

/** Every value that a node reads: its inputs, and what its bodies take from the graph around them. */
export function valuesRead(node: Node): readonly string[] {
  const bodies = subgraphsOf(node);
  return bodies.length === 0 ? node.inputs : [...node.inputs, ...bodies.flatMap((body) => [...captured(body)])];
}

/** The values that a body reads and does not make itself. */
export function captured(body: Subgraph): Set<string> {
  const made = new Set([...body.inputs, ...body.initializers.keys()]);
  const taken = new Set<string>();
  const read = (name: string): void => {
    if (name !== "" && !made.has(name)) {
      taken.add(name);
    }
  };
  for (const node of body.nodes) {
    valuesRead(node).forEach(read);
    for (const output of node.outputs) {
      made.add(output);
    }
  }
  body.outputs.forEach(read);
  return taken;
}

/**
 * The node with the names of values replaced, in its bodies too.
 * @param renamed new name of a value; the same name where it stays
 */
export function renameNode(node: Node, renamed: (name: string) => string): Node {
  const attributes =
    subgraphsOf(node).length === 0
      ? node.attributes
      : Object.fromEntries(
          Object.entries(node.attributes).map(([name, attribute]) => [
            name,
            attribute.kind === "graph" ? { ...attribute, value: renameBody(attribute.value, renamed) } : attribute,
          ]),
        );
  return { ...node, inputs: node.inputs.map(renamed), outputs: node.outputs.map(renamed), attributes };
}

function renameBody(body: Subgraph, renamed: (name: string) => string): Subgraph {
  const rekeyed = <T>(map: ReadonlyMap<string, T>): Map<string, T> =>
    new Map([...map].map(([name, value]) => [renamed(name), value]));
  return {
    ...body,
    inputs: body.inputs.map(renamed),
    outputs: body.outputs.map(renamed),
    nodes: body.nodes.map((node) => renameNode(node, renamed)),
    initializers: rekeyed(body.initializers),
    valueInfo: rekeyed(body.valueInfo),
  };
}
