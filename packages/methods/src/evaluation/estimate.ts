/** A mean with its standard error. */
export interface Estimate {
  readonly mean: number;
  /** Standard deviation of the mean, std / sqrt(count). */
  readonly standardError: number;
  /** Standard deviation of one value (divided by n). */
  readonly std: number;
  /** Values that entered. */
  readonly count: number;
}

/** Mean over the values that count; all 0 when none does. */
export function estimate(values: ArrayLike<number>, counts?: Uint8Array): Estimate {
  let count = 0;
  let sum = 0;
  for (let i = 0; i < values.length; i++) {
    if (counts === undefined || counts[i] === 1) {
      count += 1;
      sum += values[i]!;
    }
  }
  if (count === 0) {
    return { mean: 0, standardError: 0, std: 0, count };
  }
  const mean = sum / count;
  let squares = 0;
  for (let i = 0; i < values.length; i++) {
    if (counts === undefined || counts[i] === 1) {
      squares += (values[i]! - mean) ** 2;
    }
  }
  const std = Math.sqrt(squares / count);
  return { mean, standardError: std / Math.sqrt(count), std, count };
}
