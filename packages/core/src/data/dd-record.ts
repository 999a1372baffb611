import { ArgumentError, ShapeError } from "../errors/index.js";
import { DDTensor } from "./dd-tensor.js";
import { DiffusionData } from "./diffusion-data.js";
import type { BinaryOp, UnaryOp } from "./elementwise.js";
import { checkReduction, type Reduction } from "./reductions.js";
import { requireBatch } from "./structure.js";
import { resolveIndex } from "./tensor.js";

/** What a record may hold: tensors, and records of them to any depth. */
export type RecordEntries = { readonly [name: string]: DDTensor | DDRecord<RecordEntries> };

/**
 * A batch whose samples are a named set of tensors, each with its own shape, nested where that helps: for example
 * positions and colours of particles. Entries are visited in the order in which they were given.
 */
export class DDRecord<E extends RecordEntries = RecordEntries> extends DiffusionData<DDRecord<E>> {
  readonly length: number;

  /**
   * @param entries batches of one length, by name
   * @throws ShapeError when there is none or the lengths differ
   */
  constructor(readonly entries: E) {
    super();
    const named = Object.entries(entries);
    if (named.length === 0) {
      throw new ShapeError("DDRecord: at least one entry is needed; its length is the batch's.");
    }
    this.length = named[0]![1].length;
    for (const [name, entry] of named) {
      if (name.includes(".")) {
        throw new ArgumentError(
          `DDRecord: the name "${name}" holds a dot, which separates nested names.`,
          "entries",
          name,
        );
      }
      requireBatch(entry, `DDRecord: entry "${name}"`);
      if (entry.length !== this.length) {
        throw new ShapeError(
          `DDRecord: entry "${named[0]![0]}" has ${this.length} samples and "${name}" has ${entry.length}.`,
          [this.length],
          [entry.length],
        );
      }
    }
  }

  /** Joins records that have the same entries. */
  static collate<E extends RecordEntries>(items: readonly DDRecord<E>[]): DDRecord<E> {
    const first = items[0];
    if (first === undefined) {
      throw new ArgumentError("DDRecord.collate: there is nothing to join; give at least one batch.", "items", items);
    }
    return first.mapEntries((entry, name) => {
      const entries = items.map((item) => item.entry(name));
      return entry instanceof DDTensor
        ? DDTensor.collate(entries as DDTensor[])
        : DDRecord.collate(entries as DDRecord<RecordEntries>[]);
    });
  }

  at(index: number): DDRecord<E> {
    const resolved = resolveIndex(this.length, index);
    return this.slice(resolved, resolved + 1);
  }

  slice(start?: number, end?: number): DDRecord<E> {
    return this.mapEntries((entry) => entry.slice(start, end));
  }

  apply(op: UnaryOp): DDRecord<E> {
    return this.mapEntries((entry) => entry.apply(op));
  }

  combine(other: DDRecord<E>, op: BinaryOp): DDRecord<E> {
    const names = Object.keys(this.entries);
    const otherNames = Object.keys(other.entries);
    if (names.length !== otherNames.length || !names.every((name) => name in other.entries)) {
      throw new ShapeError(`DDRecord: entries {${names.join(", ")}} and {${otherNames.join(", ")}} do not match.`);
    }
    return this.mapEntries((entry, name) => combineEntries(entry, other.entry(name), name, op));
  }

  /** Over all entries of all tensors of a sample: the mean weighs every number alike, whichever tensor holds it. */
  aggregate(reduction: Reduction = "mean"): Float32Array {
    checkReduction(reduction);
    const tensors = this.tensors();
    const sums = new Float64Array(this.length);
    let count = 0;
    for (const tensor of tensors) {
      const stride = this.length === 0 ? 0 : tensor.size / this.length;
      count += stride;
      for (let i = 0; i < this.length; i++) {
        for (let j = i * stride; j < (i + 1) * stride; j++) {
          sums[i]! += tensor.data[j]!;
        }
      }
    }
    return Float32Array.from(sums, (sum) => (reduction === "mean" ? sum / count : sum));
  }

  override partNames(): readonly string[] {
    return Object.entries(this.entries).flatMap(([name, entry]) =>
      entry instanceof DDTensor ? [name] : entry.partNames().map((inner) => `${name}.${inner}`),
    );
  }

  private entry(name: string): DDTensor | DDRecord<RecordEntries> {
    const found = this.entries[name];
    if (found === undefined) {
      throw new ShapeError(
        `DDRecord: there is no entry "${name}"; this record has {${Object.keys(this.entries).join(", ")}}.`,
      );
    }
    return found;
  }

  private mapEntries(
    f: (entry: DDTensor | DDRecord<RecordEntries>, name: string) => DDTensor | DDRecord<RecordEntries>,
  ): DDRecord<E> {
    const mapped = Object.entries(this.entries).map(([name, entry]) => [name, f(entry, name)]);
    return new DDRecord(Object.fromEntries(mapped) as E);
  }
}

function combineEntries(
  left: DDTensor | DDRecord<RecordEntries>,
  right: DDTensor | DDRecord<RecordEntries>,
  name: string,
  op: BinaryOp,
): DDTensor | DDRecord<RecordEntries> {
  if (left instanceof DDTensor && right instanceof DDTensor) {
    return left.combine(right, op);
  }
  if (left instanceof DDRecord && right instanceof DDRecord) {
    return left.combine(right, op);
  }
  throw new ShapeError(`DDRecord: entry "${name}" is a tensor on one side and a record on the other.`);
}
