import { ArgumentError, ShapeError } from "../errors/index.js";
import type { SampleStreams } from "../random/index.js";
import { coefficientOf } from "./coefficient.js";
import { collate } from "./collate.js";
import { add, type BinaryOp, divide, mapEntries, multiply, power, subtract, type UnaryOp } from "./elementwise.js";
import { combineTensors } from "./linear-combination.js";
import type { Coefficient, DDProtocol, PerSample } from "./protocol.js";
import type { Reduction } from "./reductions.js";
import { checkRows } from "./row-offsets.js";
import { Tensor } from "./tensor.js";

/** What arithmetic takes on its right side: a number, one number a sample, or a batch of the same type. */
export type Operand<Self> = PerSample | Self;

/**
 * The mixin of every data type: arithmetic, noise and the fused linear combination, all from the six members of
 * `DDProtocol`. A type whose tensors are not batch-first overrides `rowOffsets`; one whose features have schedules of
 * their own overrides `partNames`. Every result is new; nothing is changed in place.
 */
export abstract class DiffusionData<Self extends DiffusionData<Self>> implements DDProtocol<Self> {
  abstract readonly length: number;
  abstract at(index: number): Self;
  abstract slice(start?: number, end?: number): Self;
  abstract apply(op: UnaryOp): Self;
  abstract combine(other: Self, op: BinaryOp): Self;
  abstract aggregate(reduction?: Reduction): Float32Array;

  /** The underlying tensors, in the order in which `apply` visits them. */
  tensors(): Tensor[] {
    const found: Tensor[] = [];
    this.apply((tensor) => {
      found.push(tensor);
      return tensor;
    });
    return found;
  }

  /**
   * A batch like this one holding other tensors.
   * @param tensors one for each of `tensors()`, in the same order
   * @throws ShapeError when their number differs
   */
  withTensors(tensors: readonly Tensor[]): Self {
    let index = 0;
    const result = this.apply((tensor) => tensors[index++] ?? tensor);
    if (index !== tensors.length) {
      throw new ShapeError(`withTensors: ${tensors.length} tensors were given for data that holds ${index}.`);
    }
    return result;
  }

  /** Names of the tensors, in their order, by which a `Coefficient` may address them. `[""]` for data of one tensor. */
  partNames(): readonly string[] {
    return this.tensors().map(() => "");
  }

  /**
   * For ragged data: rows `offsets[i]` to `offsets[i + 1]` of tensor `index` belong to sample i.
   * @returns offsets of length `length + 1`, or undefined when row i is sample i
   */
  rowOffsets(_index: number): ArrayLike<number> | undefined {
    return undefined;
  }

  /** Sum, with broadcasting inside each tensor. */
  add(other: Operand<Self>): Self {
    return this.arithmetic(other, add);
  }

  /** Difference. */
  sub(other: Operand<Self>): Self {
    return this.arithmetic(other, subtract);
  }

  /** Product. */
  mul(other: Operand<Self>): Self {
    return this.arithmetic(other, multiply);
  }

  /** Quotient. */
  div(other: Operand<Self>): Self {
    return this.arithmetic(other, divide);
  }

  /** Power, entry by entry. */
  pow(other: Operand<Self>): Self {
    return this.arithmetic(other, power);
  }

  /** Minus each entry. */
  neg(): Self {
    return this.apply((tensor) => mapEntries(tensor, (value) => -value));
  }

  /** A copy that shares no array with this batch. */
  clone(): Self {
    return this.apply((tensor) => tensor.clone());
  }

  /**
   * Chosen samples in the order of their indices, repeats allowed; negative indices count from the end.
   * @param indices at least one
   */
  take(indices: ArrayLike<number>): Self {
    return collate(Array.from(indices, (index) => this.at(index)));
  }

  /** Zeros of the same structure. */
  zerosLike(): Self {
    return this.apply((tensor) => Tensor.zeros(tensor.shape));
  }

  /** Ones of the same structure. */
  onesLike(): Self {
    return this.apply((tensor) => Tensor.full(tensor.shape, 1));
  }

  /**
   * Standard normal noise of the same structure. Sample i draws from its own stream only, tensor after tensor, so noise
   * does not depend on how the batch was split.
   * @param streams one stream a sample
   */
  randnLike(streams: SampleStreams): Self {
    const tensors = this.tensors();
    const noise = tensors.map((tensor) => new Float32Array(tensor.size));
    const strides = tensors.map((tensor) => (tensor.shape[0] ? tensor.size / tensor.shape[0] : 0));
    const offsets = tensors.map((_, index) => this.rowOffsets(index));
    for (let i = 0; i < this.length; i++) {
      const stream = streams.at(i);
      for (let k = 0; k < noise.length; k++) {
        const rows = offsets[k];
        const stride = strides[k]!;
        stream.fillNormal(noise[k]!, (rows ? rows[i]! : i) * stride, (rows ? rows[i + 1]! : i + 1) * stride);
      }
    }
    return this.withTensors(noise.map((data, k) => new Tensor(data, tensors[k]!.shape)));
  }

  /**
   * coefficient * this + sum of c_k y_k in one pass: the hot path of the SDE.
   * @param coefficient factor of this batch
   * @param terms pairs [c_k, y_k]; every y_k has the structure of this batch
   * @throws ShapeError when shapes or, in ragged data, the sizes of the samples differ
   */
  linearCombination(coefficient: Coefficient, terms: readonly (readonly [Coefficient, Self])[]): Self {
    const names = this.partNames();
    for (const [, batch] of terms) {
      this.checkRowsOf(batch, "linearCombination");
    }
    const batches = [this.tensors(), ...terms.map(([, batch]) => batch.tensors())];
    const coefficients = [coefficient, ...terms.map(([factor]) => factor)];
    return this.withTensors(
      names.map((name, index) =>
        combineTensors(
          batches.map((tensors) => tensors[index]!),
          coefficients.map((factor) => coefficientOf(factor, name)),
          this.rowOffsets(index),
        ),
      ),
    );
  }

  /** This batch times a coefficient. */
  scale(coefficient: Coefficient): Self {
    return this.linearCombination(coefficient, []);
  }

  /** Sum of the squares of all entries of each sample; shape [length]. */
  squaredNorm(): Float32Array {
    return this.apply((tensor) => mapEntries(tensor, (value) => value * value)).aggregate("sum");
  }

  private arithmetic(other: Operand<Self>, op: BinaryOp): Self {
    if (typeof other === "number") {
      const scalar = Tensor.full([], other);
      return this.apply((tensor) => op(tensor, scalar));
    }
    if (other instanceof Float32Array || other instanceof Float64Array) {
      return this.combine(this.spread(other), op);
    }
    if (typeof other !== "object" || other === null || typeof (other as DDProtocol<Self>).combine !== "function") {
      throw new ArgumentError(
        `Arithmetic takes a number, a Float32Array with one entry a sample, or a batch of the same type; got ${String(other)}.`,
        "other",
        other,
      );
    }
    this.checkRowsOf(other, "Arithmetic");
    return this.combine(other, op);
  }

  private checkRowsOf(other: DiffusionData<Self>, what: string): void {
    for (let index = 0; index < this.partNames().length; index++) {
      checkRows(what, other.rowOffsets(index), this.rowOffsets(index));
    }
  }

  /** A batch of this structure in which every entry of sample i is values[i]. */
  private spread(values: Float32Array | Float64Array): Self {
    return this.onesLike().linearCombination(values, []);
  }
}
