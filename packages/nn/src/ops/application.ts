import type { Attributes, ConstantTensor, Dimension, TensorType } from "../ir/index.js";

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
  /** The tensors behind inputs that are constants. */
  readonly constants: readonly (ConstantTensor | undefined)[];
  /** How many outputs the node has. */
  readonly outputCount: number;
  /** A symbol that no other value has, for an axis whose length only the run decides. */
  fresh(axis: number): string;
  /** Throws a ShapeError that names the operator and the node. */
  fail(message: string): never;
}

/** What is needed to write an operator: how many inputs it has, and what it makes of them. */
export interface OpTyping {
  /** Fewest and most inputs. */
  readonly arity: readonly [least: number, most: number];
  /** Types of all outputs that the operator can make. Throws through `fail` when the inputs do not fit. */
  readonly infer: (node: Application) => readonly TensorType[];
  /** What is known of the first output's entries; for operators that take part in shape arithmetic. */
  readonly evaluate?: (node: Application) => PartialValue | undefined;
}
