import { DiffusionData, resolveIndex, Tensor } from "../data/index.js";
import { ArgumentError, ShapeError } from "../errors/index.js";

/** Conditioning of a model that takes none. */
export type NoConditioning = { readonly [name: string]: never };

/**
 * How an entry travels with a batch: one value for all samples, one a sample (an array, a tensor with a batch axis, a
 * batch of data), or a record of such entries.
 */
type EntryKind = "constant" | "array" | "tensor" | "data" | "record";

/** Wraps an array or object that belongs to the whole batch, so that it is not taken for one entry a sample. */
export class Shared<T> {
  constructor(
    /** The value that every sample shares. */
    readonly value: T,
  ) {}
}

/**
 * Marks a value as shared by all samples.
 * @param value anything, most usefully an array that is not one entry a sample
 */
export function shared<T>(value: T): Shared<T> {
  return new Shared(value);
}

/**
 * Checks that every entry can be split into `length` samples.
 * @throws ShapeError naming the entry when an array or tensor has another length
 * @throws ArgumentError naming the entry when it is of a kind that cannot be split
 */
export function checkConditioning(conditioning: object, length: number): void {
  for (const [name, entry] of Object.entries(conditioning)) {
    checkEntry(name, entry, length);
  }
}

/** Samples `start` to `end` (excluded) of every entry; constants stay as they are. */
export function sliceConditioning<C extends object>(conditioning: C, start: number, end: number): C {
  return mapRecord(conditioning, (entry, name) => sliceEntry(name, entry, start, end)) as C;
}

/** One sample of every entry, as a batch of one; negative indices count from the end of `length` samples. */
export function conditioningAt<C extends object>(conditioning: C, length: number, index: number): C {
  const resolved = resolveIndex(length, index);
  return sliceConditioning(conditioning, resolved, resolved + 1);
}

/**
 * Joins the conditioning of consecutive batches.
 * @param items conditioning of each batch, all with the same entries
 * @param lengths number of samples of each batch
 * @throws ArgumentError when a constant differs between batches
 */
export function concatConditioning<C extends object>(items: readonly C[], lengths: readonly number[]): C {
  const first = items[0];
  if (first === undefined) {
    throw new ArgumentError("concatConditioning: there is nothing to join.", "items", items);
  }
  return mapRecord(first, (_, name) =>
    joinEntries(
      name,
      items.map((item) => (item as Record<string, unknown>)[name]),
      lengths,
    ),
  ) as C;
}

function kindOf(name: string, entry: unknown): EntryKind {
  if (entry === null || typeof entry !== "object" || entry instanceof Shared) {
    if (typeof entry === "function" || typeof entry === "symbol") {
      throw new ArgumentError(
        `Conditioning "${name}" is a ${typeof entry}, which cannot travel with samples. Give numbers, strings, arrays or tensors.`,
        name,
        entry,
      );
    }
    return "constant";
  }
  if (Array.isArray(entry) || isTypedArray(entry)) {
    return "array";
  }
  if (entry instanceof Tensor) {
    return "tensor";
  }
  if (entry instanceof DiffusionData) {
    return "data";
  }
  const prototype = Object.getPrototypeOf(entry);
  if (prototype === Object.prototype || prototype === null) {
    return "record";
  }
  throw new ArgumentError(
    `Conditioning "${name}" is a ${entry.constructor?.name ?? "object"}, which cannot be split per sample. ` +
      "Give an array with one entry a sample, a tensor with a batch axis, or wrap it in shared(...) when all samples share it.",
    name,
    entry,
  );
}

function checkEntry(name: string, entry: unknown, length: number): void {
  const kind = kindOf(name, entry);
  const found =
    kind === "array" || kind === "data"
      ? (entry as ArrayLike<unknown>).length
      : kind === "tensor"
        ? (entry as Tensor).shape[0]
        : length;
  if (found !== length) {
    throw new ShapeError(
      `Conditioning "${name}" has ${found ?? "no"} entries for ${length} samples. ` +
        "Give one entry a sample, or wrap it in shared(...) when all samples share it.",
      [length],
      found === undefined ? [] : [found],
    );
  }
  if (kind === "record") {
    for (const [inner, value] of Object.entries(entry as object)) {
      checkEntry(`${name}.${inner}`, value, length);
    }
  }
}

function sliceEntry(name: string, entry: unknown, start: number, end: number): unknown {
  switch (kindOf(name, entry)) {
    case "constant":
      return entry;
    case "record":
      return mapRecord(entry as object, (value, inner) => sliceEntry(`${name}.${inner}`, value, start, end));
    default:
      return (entry as { slice(start: number, end: number): unknown }).slice(start, end);
  }
}

function joinEntries(name: string, entries: readonly unknown[], lengths: readonly number[]): unknown {
  const first = entries[0];
  switch (kindOf(name, first)) {
    case "constant":
      return joinConstants(name, entries);
    case "record":
      return mapRecord(first as object, (_, inner) =>
        joinEntries(
          `${name}.${inner}`,
          entries.map((entry) => (entry as Record<string, unknown>)[inner]),
          lengths,
        ),
      );
    case "array":
      return joinArrays(entries as ArrayLike<unknown>[], lengths);
    case "tensor":
      return joinTensors(name, entries as Tensor[]);
    case "data":
      return (first as { constructor: { collate(items: unknown): unknown } }).constructor.collate(entries);
  }
}

function joinConstants(name: string, entries: readonly unknown[]): unknown {
  const unwrap = (entry: unknown): unknown => (entry instanceof Shared ? entry.value : entry);
  const first = unwrap(entries[0]);
  const different = entries.findIndex((entry) => !Object.is(unwrap(entry), first));
  if (different >= 0) {
    throw new ArgumentError(
      `Conditioning "${name}" is ${String(first)} in one batch and ${String(unwrap(entries[different]))} in another; ` +
        "to join them, give it as an array with one entry a sample.",
      name,
      entries[different],
    );
  }
  return entries[0];
}

function joinArrays(entries: readonly ArrayLike<unknown>[], lengths: readonly number[]): unknown {
  const first = entries[0]!;
  if (Array.isArray(first)) {
    return entries.flatMap((entry) => Array.from(entry));
  }
  const total = lengths.reduce((sum, length) => sum + length, 0);
  const joined = new (first.constructor as new (length: number) => Float32Array)(total);
  let offset = 0;
  for (const entry of entries) {
    joined.set(entry as Float32Array, offset);
    offset += entry.length;
  }
  return joined;
}

function joinTensors(name: string, tensors: readonly Tensor[]): Tensor {
  const tail = tensors[0]!.shape.slice(1);
  const rows = tensors.reduce((sum, tensor) => sum + tensor.shape[0]!, 0);
  for (const tensor of tensors) {
    if (tensor.shape.slice(1).join() !== tail.join()) {
      throw new ShapeError(
        `Conditioning "${name}" has rows of shape [${tail}] and [${tensor.shape.slice(1)}].`,
        tail,
        tensor.shape,
      );
    }
  }
  const data = joinArrays(
    tensors.map((tensor) => tensor.data),
    [tensors.reduce((sum, tensor) => sum + tensor.size, 0)],
  );
  return new Tensor(data as Float32Array, [rows, ...tail]);
}

function isTypedArray(value: unknown): boolean {
  return ArrayBuffer.isView(value) && !(value instanceof DataView);
}

function mapRecord(record: object, f: (value: unknown, name: string) => unknown): object {
  return Object.fromEntries(Object.entries(record).map(([name, value]) => [name, f(value, name)]));
}
