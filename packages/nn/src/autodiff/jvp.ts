import { IncompatibleError } from "@diffusiongym/core";
import { type Graph, prune, rename, UniqueNames, valueNames, valuesRead } from "../ir/index.js";
import { vjp } from "./vjp.js";

/** What to differentiate, and along what. */
export interface JvpOptions {
  /** Names of the values that move: inputs, parameters, or any other float value of the graph. */
  readonly wrt: readonly string[];
  /** The outputs that are differentiated. @default all floating-point outputs */
  readonly outputs?: readonly string[];
  /** Outputs of the original graph that the result keeps; `[]` for derivatives only. @default all */
  readonly keep?: readonly string[];
}

/** A graph that computes directional derivatives, and what its new values are called. */
export interface Jvp {
  /** Outputs: those kept, then one derivative for each differentiated output. */
  readonly graph: Graph;
  /** Input name of each tangent, by the name in `wrt` that it is the direction of; `tangent:<name>` unless taken. */
  readonly tangents: ReadonlyMap<string, string>;
  /** Output name of each derivative, by output name; `jvp:<name>` unless taken. */
  readonly derivatives: ReadonlyMap<string, string>;
}

/**
 * Jacobian-vector products, as a graph: sum_w (d o / d w) v_w for each output o, v_w being the tangent of w.
 *
 * It is the vector-Jacobian product of the vector-Jacobian product: u^T J v is linear in u, so that its gradient with
 * respect to u is J v, whatever u is. So every operator with a rule whose own operators have rules has this derivative
 * too, without a second table of rules that could disagree with the first; u and all that depends on it drops out, which is
 * checked, and what is left is a forward pass with its linearisation beside it.
 *
 * @throws as `vjp`
 */
export function jvp(graph: Graph, options: JvpOptions): Jvp {
  const { wrt, outputs, keep = graph.outputs } = options;
  const backward = vjp(graph, { wrt, ...(outputs && { outputs }) });
  const seeds = [...backward.cotangents.values()];
  const both = vjp(backward.graph, { wrt: seeds, outputs: [...backward.gradients.values()], keep: graph.outputs });
  const linear = prune(withoutSeeds(both.graph, backward.cotangents), {
    outputs: [...keep, ...both.gradients.values()],
  });

  const taken = new UniqueNames([...valueNames(graph), ...valueNames(linear)]);
  const names = new Map<string, string>();
  const renamed = (value: string, target: string): string => {
    const unique = taken.unique(target);
    names.set(value, unique);
    return unique;
  };
  const tangents = new Map<string, string>();
  for (const [name, gradient] of backward.gradients) {
    tangents.set(name, renamed(both.cotangents.get(gradient)!, `tangent:${name}`));
  }
  const derivatives = new Map<string, string>();
  for (const [output, seed] of backward.cotangents) {
    derivatives.set(output, renamed(both.gradients.get(seed)!, `jvp:${output}`));
  }
  return { graph: rename(linear, names), tangents, derivatives };
}

/**
 * The graph without the inputs u. Where axes are symbols that no input has, lengths may still be read from them or from what
 * follows from them: there each output takes the place of its u, which has its shape.
 * @throws IncompatibleError when a number, not only a length, follows from them
 */
function withoutSeeds(graph: Graph, cotangents: ReadonlyMap<string, string>): Graph {
  const outputs = new Map(Array.from(cotangents, ([output, seed]) => [seed, output]));
  const following = new Set(outputs.keys());
  const nodes = graph.nodes.map((node) => {
    if (node.op !== "Shape" && node.op !== "Size" && valuesRead(node).some((name) => following.has(name))) {
      node.outputs.forEach((output) => {
        following.add(output);
      });
    }
    return { ...node, inputs: node.inputs.map((name) => outputs.get(name) ?? name) };
  });
  const culprit = graph.outputs.find((name) => following.has(name));
  if (culprit !== undefined) {
    throw new IncompatibleError(
      `jvp: in graph "${graph.name}" the derivative "${culprit}" depends on the cotangent, so that a rule is not linear in it; please report this.`,
    );
  }
  return { ...graph, inputs: graph.inputs.filter(({ name }) => !outputs.has(name)), nodes };
}
