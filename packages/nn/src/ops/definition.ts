import type { Attributes, Dimension, TensorType, ValueInfo } from "../ir/index.js";
import type { OpWriter } from "./op-writer.js";

/**
 * What is known, before running, of a small integer tensor (a shape, axes, slice bounds): entries are numbers, symbols,
 * or `undefined` where nothing is known.
 */
export interface PartialValue {
  /** `[]` or `[length]`. */
  readonly shape: readonly number[];
  readonly entries: readonly (Dimension | undefined)[];
}

/** One operator application, as type inference sees it. */
export interface Application {
  readonly op: string;
  /** Name of the node, for messages. */
  readonly name: string;
  readonly attributes: Attributes;
  /** Type of each input; `undefined` where an optional input is absent. */
  readonly inputs: readonly (TensorType | undefined)[];
  /** What is known of each input's entries. */
  readonly values: readonly (PartialValue | undefined)[];
  /** How many outputs the node has. */
  readonly outputCount: number;
  /** A symbol that no other value has, for an axis whose length only the run decides. */
  fresh(axis: number): string;
  /** Throws a ShapeError that names the operator and the node. */
  fail(message: string): never;
}

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
export interface OpDefinition {
  /** Fewest and most inputs. */
  readonly arity: readonly [least: number, most: number];
  /** Names of the attributes that are understood; others are refused on import. */
  readonly attributes: readonly string[];
  /** Types of all outputs that the operator can make. Throws through `fail` when the inputs do not fit. */
  readonly infer: (node: Application) => readonly TensorType[];
  /** What is known of the first output's entries; for operators that take part in shape arithmetic. */
  readonly evaluate?: (node: Application) => PartialValue | undefined;
  /** The rule, or `"none"` when no output depends differentiably on any input (comparisons, integers, steps). */
  readonly gradient: GradientRule | "none";
  /** Inputs that are never differentiated: axes, indices, shapes, conditions. */
  readonly discreteInputs?: readonly number[];
}
