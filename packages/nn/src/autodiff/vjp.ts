import { ArgumentError, IncompatibleError, nearestName, ShapeError } from "@diffusiongym/core";
import {
  type Graph,
  type Node,
  nameOutputs,
  producers,
  prune,
  UniqueNames,
  type ValueInfo,
  validate,
  valueNames,
} from "../ir/index.js";
import { createWriter, type Differentiation, findOp, isFloat, type OpWriter, printShape } from "../ops/index.js";
import { findSwish, gradientOfSwish } from "./swish.js";

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
  const write = createWriter(graph);
  const { wrt, cotangents = "inputs", keep = graph.outputs } = options;
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

  const active = dependents(graph, write, wrt);
  const made = producers(graph);
  for (let index = graph.nodes.length - 1; index >= 0; index--) {
    differentiate(graph, { write, index, active, adjoints, made, wrt });
  }

  const gradients = new Map<string, string>();
  const wanted = new Map(graph.outputs.map((name) => [name, name]));
  for (const name of new Set(wrt)) {
    const target = names.unique(`grad:${name}`);
    gradients.set(name, target);
    wanted.set(target, (adjoints.get(name) ?? write.zerosLike(write.value(name))).name);
  }
  const named = nameOutputs(write.finish(graph.outputs), wanted, valueNames(graph));
  const result = prune(named, { outputs: [...keep, ...gradients.values()] });
  return { graph: result, gradients, cotangents: cotangentNames };
}

/** Sums of cotangents by value. */
class Adjoints {
  readonly #write: OpWriter;
  readonly #sums = new Map<string, ValueInfo>();

  constructor(write: OpWriter) {
    this.#write = write;
  }

  add(name: string, cotangent: ValueInfo): void {
    const sum = this.#sums.get(name);
    this.#sums.set(name, sum ? this.#write.add(sum, cotangent) : cotangent);
  }

  get(name: string): ValueInfo | undefined {
    return this.#sums.get(name);
  }
}

/** The values that depend differentiably on `wrt`, these included. */
function dependents(graph: Graph, write: OpWriter, wrt: readonly string[]): ReadonlySet<string> {
  const active = new Set(wrt);
  for (const node of graph.nodes) {
    if (differentiableInputs(node).some((input) => active.has(node.inputs[input]!))) {
      for (const output of node.outputs) {
        if (output !== "" && isFloat(write.value(output).type)) {
          active.add(output);
        }
      }
    }
  }
  return active;
}

function differentiableInputs(node: Node): number[] {
  const definition = findOp(node.op);
  if (!definition || definition.gradient === "none") {
    return [];
  }
  return node.inputs.flatMap((name, input) =>
    name === "" || definition.discreteInputs?.includes(input) ? [] : [input],
  );
}

interface Step {
  readonly write: OpWriter;
  readonly index: number;
  readonly active: ReadonlySet<string>;
  readonly adjoints: Adjoints;
  readonly made: ReadonlyMap<string, Node>;
  readonly wrt: readonly string[];
}

/** Adds what one node passes back to the cotangents of its inputs. */
function differentiate(graph: Graph, step: Step): void {
  const { write, index, active, adjoints } = step;
  const node = graph.nodes[index]!;
  const rule = findOp(node.op)?.gradient;
  if (rule === undefined || rule === "none" || !node.outputs.some((output) => adjoints.get(output))) {
    return;
  }
  const context = differentiation(node, step);
  const swish = findSwish(node, step.made);
  if (swish !== undefined && !step.wrt.includes(swish.sigmoid)) {
    if (active.has(swish.x)) {
      adjoints.add(swish.x, gradientOfSwish(context, swish));
    }
    return;
  }
  for (const input of differentiableInputs(node)) {
    const name = node.inputs[input]!;
    const gradient = active.has(name) ? rule(context, input) : undefined;
    if (gradient) {
      const { shape } = write.value(name);
      if (gradient.shape.length !== shape.length) {
        throw new ShapeError(
          `The rule of ${node.op} (node "${node.name}") made a gradient of shape ${printShape(gradient.shape)} for "${name}" ` +
            `of shape ${printShape(shape)}; please report this.`,
        );
      }
      adjoints.add(name, gradient);
    }
  }
}

function differentiation(node: Node, { write, index, adjoints }: Step): Differentiation {
  const inputs = node.inputs.map((name) => (name === "" ? undefined : write.value(name)));
  const refuse = (reason: string): never => {
    throw new IncompatibleError(`${node.op} (node "${node.name}") cannot be differentiated: ${reason}.`);
  };
  return {
    write,
    op: node.op,
    attributes: node.attributes,
    inputs,
    input: (input) => inputs[input] ?? refuse(`it has no input ${input}`),
    output: (output) => write.outputOf(index, output),
    outputCount: node.outputs.length,
    cotangent: (output) => adjoints.get(node.outputs[output] ?? ""),
    refuse,
  };
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
