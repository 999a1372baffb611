import type { Attributes, ValueInfo } from "../ir/index.js";
import type { OpTyping } from "./application.js";
import type { OpWriter } from "./op-writer.js";

export type { Application, PartialValue } from "./application.js";

/** One operator application, as its reverse-mode rule sees it. */
export interface Differentiation {
  /** Writes the derivative's nodes. */
  readonly write: OpWriter;
  readonly op: string;
  readonly attributes: Attributes;
  /** Inputs of the node; `undefined` where an optional one is absent. */
  readonly inputs: readonly (ValueInfo | undefined)[];
  /** A required input. */
  input(index: number): ValueInfo;
  /** An output of the node; one that the node did not make so far is added to it. */
  output(index: number): ValueInfo;
  /** Number of outputs that the node had before it was differentiated. */
  readonly outputCount: number;
  /** Cotangent of an output, `undefined` where it is zero. */
  cotangent(index: number): ValueInfo | undefined;
  /** Throws an error that names operator, node and reason. */
  refuse(reason: string): never;
}

/**
 * The reverse-mode rule of an operator: the gradient with respect to one input, of that input's shape, or `undefined`
 * where it is zero. Called only for inputs whose gradient is asked for, and only when some output has a cotangent.
 */
export type GradientRule = (node: Differentiation, input: number) => ValueInfo | undefined;

/** Everything that this package has to know of an operator. */
export interface OpDefinition extends OpTyping {
  /** Names of the attributes that are understood; others are refused on import. */
  readonly attributes: readonly string[];
  /** The rule, or `"none"` when no output depends differentiably on any input (comparisons, integers, steps). */
  readonly gradient: GradientRule | "none";
  /** Inputs that are never differentiated: axes, indices, shapes, conditions. */
  readonly discreteInputs?: readonly number[];
  /** Forms of the operator whose derivative is missing, where there are such. */
  readonly limits?: string;
}
