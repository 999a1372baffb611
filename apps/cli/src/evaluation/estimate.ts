/** A number with its uncertainty. */
export interface Estimate {
  readonly value: number;
  /** Standard error of the value, or standard deviation where `spread` says so. */
  readonly error?: number;
}

/** Mean of the values that count, with its standard error; undefined when none counts. */
export function meanOf(values: ArrayLike<number>, valids?: ArrayLike<number>): Estimate | undefined {
  const counted = Array.from(values).filter((_, i) => valids === undefined || valids[i] === 1);
  const n = counted.length;
  if (n === 0) {
    return undefined;
  }
  const mean = counted.reduce((sum, value) => sum + value, 0) / n;
  const variance = counted.reduce((sum, value) => sum + (value - mean) ** 2, 0) / Math.max(1, n - 1);
  return { value: mean, error: Math.sqrt(variance / n) };
}
