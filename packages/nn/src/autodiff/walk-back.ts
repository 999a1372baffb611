import { IncompatibleError, ShapeError } from "@diffusiongym/core";
import { type ElementType, type Node, valuesRead } from "../ir/index.js";
import { type Differentiation, findOp, isFloat, type OpWriter, printShape } from "../ops/index.js";
import type { Adjoints } from "./adjoints.js";
import type { Recomputation } from "./recomputation.js";
import type { Twin } from "./second-pass.js";
import { findSwish, gradientOfSwish } from "./swish.js";

/** What to walk back through. */
export interface Walk {
  /** Holds the nodes, and gets those of the derivative. */
  readonly write: OpWriter;
  /** The first nodes that `write` holds, in order. */
  readonly nodes: readonly Node[];
  /** Names of the values whose gradients are wanted. */
  readonly wrt: readonly string[];
  /** The cotangents to begin with; those of all that `wrt` reaches them through are added. */
  readonly adjoints: Adjoints;
  readonly recomputation?: Recomputation | undefined;
}

/** Reverse-mode differentiation: from the last node to the first, each passes on the cotangents of its outputs. */
export function walkBack({ write, nodes, wrt, adjoints, recomputation }: Walk): void {
  const active = dependents(nodes, write, wrt);
  const made = new Map(nodes.flatMap((node) => node.outputs.map((output) => [output, node] as const)));
  for (let index = nodes.length - 1; index >= 0; index--) {
    recomputation?.enter(index, adjoints);
    const node = nodes[index]!;
    const seen = recomputation?.twin(index) ?? { node, index };
    differentiate({ write, node, seen, active, adjoints, made, wrt });
  }
}

/** The values that depend differentiably on `wrt`, these included. */
function dependents(nodes: readonly Node[], write: OpWriter, wrt: readonly string[]): ReadonlySet<string> {
  const active = new Set(wrt);
  for (const node of nodes) {
    if (node.opaque !== undefined) {
      if (valuesRead(node).some((name) => active.has(name))) {
        for (const output of node.outputs) {
          active.add(output);
        }
      }
    } else if (differentiableInputs(node).some((input) => active.has(node.inputs[input]!))) {
      for (const output of node.outputs) {
        const type = output === "" ? undefined : write.value(output).type;
        if (type !== undefined && (isFloat(type) || isHalf(type))) {
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
  readonly node: Node;
  /** The node whose values the rule reads: `node`, or the one that computes the same again. */
  readonly seen: Omit<Twin, "kept"> & Partial<Pick<Twin, "kept">>;
  readonly active: ReadonlySet<string>;
  readonly adjoints: Adjoints;
  readonly made: ReadonlyMap<string, Node>;
  readonly wrt: readonly string[];
}

/** Adds what one node passes back to the cotangents of its inputs. */
function differentiate(step: Step): void {
  const { write, node, active, adjoints } = step;
  requireKnown(node, step);
  const rule = findOp(node.op)?.gradient;
  if (rule === undefined || rule === "none" || !node.outputs.some((output) => adjoints.get(output))) {
    return;
  }
  const context = differentiation(step);
  const swish = findSwish(node, step.made);
  if (swish !== undefined && !step.wrt.includes(swish.sigmoid)) {
    if (active.has(swish.x)) {
      adjoints.add(swish.x, gradientOfSwish(context, swish));
    }
    return;
  }
  for (const input of differentiableInputs(node)) {
    const name = node.inputs[input]!;
    if (active.has(name) && isHalf(write.value(name).type)) {
      throw new IncompatibleError(
        `${node.op} (node "${node.name}") reads "${name}" in ${write.value(name).type}, which is for inference only; ` +
          'read the file with precision "float32" to differentiate it.',
      );
    }
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

/** Element types that are floats, but without derivatives. */
function isHalf(type: ElementType): boolean {
  return type === "float16" || type === "bfloat16";
}

/** Refuses to pass a gradient through a node that only the runtime knows. */
function requireKnown(node: Node, { active, adjoints }: Step): void {
  const isPassed = node.outputs.some((output) => adjoints.get(output));
  if (node.opaque !== undefined && isPassed && valuesRead(node).some((name) => active.has(name))) {
    throw new IncompatibleError(
      `${node.domain && `${node.domain}.`}${node.op} (node "${node.name}") cannot be differentiated: ${node.opaque}. ` +
        "Only its derivative is missing: the network runs.",
    );
  }
}

function differentiation({ write, node, seen, adjoints }: Step): Differentiation {
  const inputs = seen.node.inputs.map((name) => (name === "" ? undefined : write.value(name)));
  const refuse = (reason: string): never => {
    throw new IncompatibleError(`${node.op} (node "${node.name}") cannot be differentiated: ${reason}.`);
  };
  return {
    write,
    op: node.op,
    attributes: node.attributes,
    inputs,
    input: (input) => inputs[input] ?? refuse(`it has no input ${input}`),
    output: (output) => {
      const kept = seen.kept?.[output];
      return kept === undefined ? write.outputOf(seen.index, output) : write.value(kept);
    },
    outputCount: node.outputs.length,
    cotangent: (output) => adjoints.get(node.outputs[output] ?? ""),
    refuse,
  };
}
