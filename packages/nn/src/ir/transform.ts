import { ArgumentError, nearestName } from "@diffusiongym/core";
import { valueNames } from "./names.js";
import { renameNode, valuesRead } from "./subgraphs.js";
import type { Graph, Node } from "./types.js";

/**
 * The graph without nodes, initializers and types that no output needs. Inputs stay, so that the signature does not
 * change; ask for `dropInputs` to remove unused ones (and unused parameters) too.
 * @param graph to prune
 * @param outputs the outputs to keep, by default all
 */
export function prune(
  graph: Graph,
  { outputs = graph.outputs, dropInputs = false }: { outputs?: readonly string[]; dropInputs?: boolean } = {},
): Graph {
  const needed = new Set(outputs);
  const nodes: Node[] = [];
  for (let i = graph.nodes.length - 1; i >= 0; i--) {
    const node = graph.nodes[i]!;
    if (node.outputs.some((output) => needed.has(output))) {
      nodes.push(node);
      for (const input of valuesRead(node)) {
        needed.add(input);
      }
    }
  }
  nodes.reverse();
  const inputs = dropInputs ? graph.inputs.filter((input) => needed.has(input.name)) : graph.inputs;
  const inputNames = new Set(inputs.map((input) => input.name));
  const made = new Set(nodes.flatMap((node) => node.outputs));
  return {
    ...graph,
    inputs,
    outputs,
    nodes,
    initializers: new Map([...graph.initializers].filter(([name]) => needed.has(name))),
    valueInfo: new Map([...graph.valueInfo].filter(([name]) => made.has(name))),
    parameters: graph.parameters.filter((name) => needed.has(name) || inputNames.has(name)),
  };
}

/**
 * The graph with values renamed everywhere: inputs, outputs, parameters, nodes.
 * @param graph to rename in
 * @param names new name by old name; others stay
 * @throws ArgumentError when a name does not exist or two values would share one
 */
export function rename(graph: Graph, names: ReadonlyMap<string, string>): Graph {
  const existing = valueNames(graph);
  for (const name of names.keys()) {
    if (!existing.has(name)) {
      const nearest = nearestName(name, existing);
      throw new ArgumentError(
        `rename: the graph has no value "${name}"${nearest === undefined ? "" : `; did you mean "${nearest}"?`}.`,
        "names",
        name,
      );
    }
  }
  const used = new Set<string>();
  for (const name of existing) {
    const target = names.get(name) ?? name;
    if (used.has(target) || target === "") {
      throw new ArgumentError(`rename: two values would be called "${target}".`, "names", target);
    }
    used.add(target);
  }
  const renamed = (name: string): string => names.get(name) ?? name;
  return {
    ...graph,
    inputs: graph.inputs.map((input) => ({ ...input, name: renamed(input.name) })),
    outputs: graph.outputs.map(renamed),
    nodes: graph.nodes.map((node) => renameNode(node, renamed)),
    initializers: new Map([...graph.initializers].map(([name, tensor]) => [renamed(name), tensor])),
    valueInfo: new Map([...graph.valueInfo].map(([name, type]) => [renamed(name), type])),
    parameters: graph.parameters.map(renamed),
  };
}
