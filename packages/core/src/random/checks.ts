import { ArgumentError } from "../errors/index.js";

/** @throws ArgumentError unless `value` is a whole number in 0 ... 2^53 - 1 */
export function requireSafeInteger(where: string, argument: string, value: number): void {
  if (!Number.isSafeInteger(value) || value < 0) {
    throw new ArgumentError(
      `${where}: ${argument} must be a whole number from 0 to 2^53 - 1, got ${String(value)}.`,
      argument,
      value,
    );
  }
}

/** @throws ArgumentError unless `value` is a whole number in 0 ... 2^32 - 1 */
export function requireWord(where: string, argument: string, value: number): void {
  if (value >>> 0 !== value) {
    throw new ArgumentError(
      `${where}: ${argument} must be a whole number from 0 to 4294967295, got ${String(value)}.`,
      argument,
      value,
    );
  }
}

/**
 * The bounds of a fill.
 * @throws ArgumentError unless 0 <= start <= end <= length, all whole
 */
export function requireRange(where: string, length: number, start: number, end: number): void {
  if (!Number.isInteger(start) || !Number.isInteger(end) || start < 0 || start > end || end > length) {
    throw new ArgumentError(
      `${where}: start and end must be whole numbers with 0 <= start <= end <= ${length}, got ${start} and ${end}.`,
      "start, end",
      [start, end],
    );
  }
}
