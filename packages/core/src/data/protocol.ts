import type { BinaryOp, UnaryOp } from "./elementwise.js";
import type { Reduction } from "./reductions.js";

/**
 * A batch of data points of one modality: everything the SDE needs, and nothing else. A modality author writes these
 * members and a static `collate(items)`; the class `DiffusionData` builds the arithmetic on them.
 */
export interface DDProtocol<Self> {
  /** Samples in the batch. */
  readonly length: number;
  /** One sample, as a batch of one; negative indices count from the end. */
  at(index: number): Self;
  /** Samples `start` to `end` (excluded), with the rules of `Array.prototype.slice`. */
  slice(start?: number, end?: number): Self;
  /** `op` on each underlying tensor, in an order that never changes. */
  apply(op: UnaryOp): Self;
  /** `op` on each pair of underlying tensors. */
  combine(other: Self, op: BinaryOp): Self;
  /** Each sample reduced to one number over all its entries; shape [length]. @default "mean" */
  aggregate(reduction?: Reduction): Float32Array;
}

/** One number for all samples, or one for each: shape [length]. */
export type PerSample = number | Float32Array | Float64Array;

/**
 * A factor of a batch: the same for every entry, one a sample, or, where features follow schedules of their own, one of
 * these for each named part of the data (the names that `partNames` gives).
 */
export type Coefficient = PerSample | { readonly [part: string]: PerSample };

/** The static side of a data type. */
export interface DataType<D> {
  /** Joins batches in order. */
  collate(items: readonly D[]): D;
}
