import { ArgumentError, nearestName } from "@diffusiongym/core";
import { valueNames } from "./names.js";
import { valuesRead } from "./subgraphs.js";
import type { Graph } from "./types.js";

/**
 * The first thing wrong with a graph, in words, or `undefined` when it is well formed: every value made once and before
 * it is read, every output and parameter existing, every initializer as large as its shape.
 */
export function findProblem(graph: Graph): string | undefined {
  const defined = new Set<string>();
  const inputs = new Set(graph.inputs.map((input) => input.name));
  for (const { name } of graph.inputs) {
    if (name === "" || defined.has(name)) {
      return name === "" ? "an input has no name" : `two inputs are called "${name}"`;
    }
    defined.add(name);
  }
  for (const [name, tensor] of graph.initializers) {
    if (inputs.has(name)) {
      return `"${name}" is an input and an initializer`;
    }
    const size = tensor.shape.reduce((product, axis) => product * axis, 1);
    if (size !== tensor.data.length) {
      return `initializer "${name}" of shape [${tensor.shape.join(", ")}] needs ${size} entries and has ${tensor.data.length}`;
    }
    defined.add(name);
  }
  const everywhere = valueNames(graph);
  const nodeNames = new Set<string>();
  for (const node of graph.nodes) {
    if (nodeNames.has(node.name)) {
      return `two nodes are called "${node.name}"`;
    }
    nodeNames.add(node.name);
    for (const input of valuesRead(node)) {
      if (input !== "" && !defined.has(input)) {
        return everywhere.has(input)
          ? `node "${node.name}" (${node.op}) reads "${input}" before it is made; the nodes are out of order or form a cycle`
          : `node "${node.name}" (${node.op}) reads "${input}", which nothing makes${suggest(input, everywhere)}`;
      }
    }
    for (const output of node.outputs) {
      if (output !== "" && defined.has(output)) {
        return `node "${node.name}" (${node.op}) makes "${output}", which exists already`;
      }
      defined.add(output);
    }
  }
  for (const output of graph.outputs) {
    if (!everywhere.has(output)) {
      return `the output "${output}" is made by nothing${suggest(output, everywhere)}`;
    }
  }
  for (const name of graph.parameters) {
    if (!inputs.has(name) && !graph.initializers.has(name)) {
      return `the parameter "${name}" is neither an input nor an initializer`;
    }
  }
  return undefined;
}

/**
 * Returns the graph when it is well formed.
 * @throws ArgumentError naming the first problem
 */
export function validate(graph: Graph): Graph {
  const problem = findProblem(graph);
  if (problem !== undefined) {
    throw new ArgumentError(`Graph "${graph.name}" is not well formed: ${problem}.`, "graph");
  }
  return graph;
}

function suggest(name: string, candidates: Iterable<string>): string {
  const nearest = nearestName(name, candidates);
  return nearest === undefined ? "" : `; did you mean "${nearest}"?`;
}
