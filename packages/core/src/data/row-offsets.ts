import { ShapeError } from "../errors/index.js";

/** Offsets of the rows of ragged data, or undefined where row i is sample i. */
export type RowOffsets = ArrayLike<number> | undefined;

/** True when the rows of two tensors belong to the same samples. Batches of one run share their offsets, which is seen at once. */
export function sameRows(a: RowOffsets, b: RowOffsets): boolean {
  if (a === b) {
    return true;
  }
  if (a === undefined || b === undefined || a.length !== b.length) {
    return false;
  }
  for (let i = 0; i < a.length; i++) {
    if (a[i] !== b[i]) {
      return false;
    }
  }
  return true;
}

/**
 * Refuses two ragged tensors whose samples differ in size, even where their rows are as many in all.
 * @param what the operation or the batch, for the message
 * @throws ShapeError with the sizes of both
 */
export function checkRows(what: string, rows: RowOffsets, wanted: RowOffsets): void {
  if (!sameRows(rows, wanted)) {
    throw new ShapeError(
      `${what}: the samples have the sizes ${shown(rows)}; ${shown(wanted)} are needed, sample by sample.`,
      wanted && sizes(wanted),
      rows && sizes(rows),
    );
  }
}

/** Sizes that a message lists. */
const listed = 8;

function shown(rows: RowOffsets): string {
  if (rows === undefined) {
    return "(one row each)";
  }
  const all = sizes(rows);
  return `[${all.slice(0, listed).join(", ")}${all.length > listed ? ", ..." : ""}]`;
}

function sizes(rows: ArrayLike<number>): number[] {
  return Array.from({ length: Math.max(0, rows.length - 1) }, (_, i) => rows[i + 1]! - rows[i]!);
}
