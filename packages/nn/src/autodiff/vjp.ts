import { ArgumentError, nearestName } from "@diffusiongym/core";
import { type Graph, nameOutputs, prune, UniqueNames, validate, valueNames } from "../ir/index.js";
import { createWriter, inferTypes, isFloat, type OpWriter } from "../ops/index.js";
import { Adjoints } from "./adjoints.js";
import { Recomputation } from "./recomputation.js";
import type { Checkpointing } from "./segments.js";
import { walkBack } from "./walk-back.js";

/** What to differentiate, and with respect to what. */
export interface VjpOptions {
  /** Names of the values whose gradients are wanted: inputs, parameters, or any other float value of the graph. */
  readonly wrt: readonly string[];
  /** The outputs that are differentiated. @default all floating-point outputs */
  readonly outputs?: readonly string[];
  /**
   * Where the cotangents come from: `"inputs"` adds an input of the output's shape for each, `"ones"` uses ones, which
   * gives the gradient of the sum of all entries (of a scalar loss, its gradient). @default "inputs"
   */
  readonly cotangents?: "inputs" | "ones";
  /** Outputs of the original graph that the result keeps; `[]` for gradients only. @default all */
  readonly keep?: readonly string[];
  /**
   * Keep only some values of the forward pass and compute the others a second time when the walk back needs them: less
   * memory for at most one forward pass more. On one thread the result has the same bits as without, if the runtime fuses the
   * same operators; networks leave out the one optimization that does not. See {@link Checkpointing}. @default keep all
   */
  readonly checkpoint?: Checkpointing;
}

/** A graph that computes gradients, and what its new values are called. */
export interface Vjp {
  /** Outputs: those kept, then one gradient for each name in `wrt`. */
  readonly graph: Graph;
  /** Output name of each gradient, by the name it is with respect to; `grad:<name>` unless taken. */
  readonly gradients: ReadonlyMap<string, string>;
  /** Input name of each cotangent, by output name; `cotangent:<name>` unless taken. Empty for `"ones"`. */
  readonly cotangents: ReadonlyMap<string, string>;
}

/**
 * Vector-Jacobian products by reverse-mode differentiation, as a graph: sum_o <v_o, d o / d w> for each w in `wrt`, where
 * v_o is the cotangent of the output o. The forward pass is shared, repeated use of a value accumulates, values that
 * do not reach an output get zeros of their own shape, and nothing that is not asked for is computed.
 * The result is a graph like any other: differentiate it again for second derivatives.
 *
 * @throws ArgumentError for names that do not exist or are not floating point; IncompatibleError, naming the node, where
 *   an operator has no derivative in the form it is used
 */
export function vjp(graph: Graph, options: VjpOptions): Vjp {
  validate(graph);
  const { wrt, cotangents = "inputs", keep = graph.outputs, checkpoint } = options;
  const recomputation =
    checkpoint === undefined ? undefined : new Recomputation(inferTypes(graph), { checkpoint, wrt });
  const write = recomputation?.write ?? createWriter(graph);
  const outputs = options.outputs ?? graph.outputs.filter((name) => isFloat(write.value(name).type));
  requireFloats(write, wrt, "wrt");
  requireFloats(write, outputs, "outputs");
  const names = new UniqueNames(valueNames(graph));

  const adjoints = new Adjoints(write);
  const cotangentNames = new Map<string, string>();
  for (const output of new Set(outputs)) {
    const value = write.value(output);
    if (cotangents === "ones") {
      adjoints.add(output, write.fullLike(value, 1));
    } else {
      const name = names.unique(`cotangent:${output}`);
      cotangentNames.set(output, name);
      adjoints.add(output, write.declareInput(name, value));
    }
  }

  walkBack({ write, nodes: graph.nodes, wrt, adjoints, recomputation });

  const gradients = new Map<string, string>();
  const wanted = new Map(graph.outputs.map((name) => [name, name]));
  for (const name of new Set(wrt)) {
    const target = names.unique(`grad:${name}`);
    gradients.set(name, target);
    wanted.set(target, (adjoints.get(name) ?? write.zerosLike(write.value(name))).name);
  }
  const written = write.finish(graph.outputs);
  const named = nameOutputs(recomputation?.finish(written) ?? written, wanted, valueNames(graph));
  const result = prune(named, { outputs: [...keep, ...gradients.values()] });
  return { graph: result, gradients, cotangents: cotangentNames };
}

function requireFloats(write: OpWriter, names: readonly string[], argument: string): void {
  for (const name of names) {
    if (!write.has(name)) {
      const nearest = nearestName(name, write.valueNames());
      throw new ArgumentError(
        `vjp: the graph has no value "${name}"${nearest === undefined ? "" : `; did you mean "${nearest}"?`}.`,
        argument,
        name,
      );
    }
    const { type } = write.value(name);
    if (!isFloat(type)) {
      throw new ArgumentError(
        `vjp: "${name}" has the element type ${type}; only floating-point values have gradients.`,
        argument,
        name,
      );
    }
  }
}
