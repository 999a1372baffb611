import { ArgumentError } from "@diffusiongym/core";
import { UniqueNames, valueNames } from "./names.js";
import { rename } from "./transform.js";
import type { Graph, Node } from "./types.js";

/**
 * The graph with the given outputs under the given names. A value that has to keep its own name (an input, an initializer,
 * one listed in `fixed`, or one that is an output twice) is copied by an Identity node, which runtimes remove; any other
 * is renamed.
 * @param graph whose values are named
 * @param outputs value by new name, in order
 * @param fixed names of values that must not be renamed
 * @throws ArgumentError when a new name belongs to another value already
 */
export function nameOutputs(graph: Graph, outputs: ReadonlyMap<string, string>, fixed: ReadonlySet<string>): Graph {
  const taken = valueNames(graph);
  const given = new Set([...graph.inputs.map((input) => input.name), ...graph.initializers.keys(), ...fixed]);
  const nodeNames = new UniqueNames(graph.nodes.map((node) => node.name));
  const renamed = new Map<string, string>();
  const copies: Node[] = [];
  const valueInfo = new Map(graph.valueInfo);
  for (const [name, value] of outputs) {
    if (name === value) {
      given.add(name);
    }
  }
  for (const [name, value] of outputs) {
    if (name === value) {
      continue;
    }
    if (taken.has(name)) {
      throw new ArgumentError(`The graph "${graph.name}" has a value called "${name}" already.`, "name", name);
    }
    if (given.has(value) || renamed.has(value)) {
      const type =
        graph.initializers.get(value) ??
        graph.inputs.find((input) => input.name === value) ??
        graph.valueInfo.get(value);
      if (type) {
        valueInfo.set(name, { type: type.type, shape: type.shape });
      }
      copies.push({
        op: "Identity",
        domain: "",
        name: nodeNames.unique(name),
        inputs: [value],
        outputs: [name],
        attributes: {},
      });
    } else {
      renamed.set(value, name);
    }
  }
  return rename(
    {
      ...graph,
      nodes: [...graph.nodes, ...copies],
      valueInfo,
      outputs: [...outputs.keys()].map((name) => inverse(renamed, name)),
    },
    renamed,
  );
}

function inverse(renamed: ReadonlyMap<string, string>, name: string): string {
  for (const [value, target] of renamed) {
    if (target === name) {
      return value;
    }
  }
  return name;
}
