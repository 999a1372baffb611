/** A histogram scaled to a density: its bars' areas sum to the share of the values that lie inside. */
export interface Histogram {
  /** Edges of the bins, one more than there are bins. */
  readonly edges: readonly number[];
  /** Height of each bin. */
  readonly densities: readonly number[];
}

/** Counts values in equal bins over [low, high]. */
export function histogram(values: ArrayLike<number>, [low, high]: readonly [number, number], bins: number): Histogram {
  const width = (high - low) / bins;
  const counts = new Float64Array(bins);
  for (let i = 0; i < values.length; i++) {
    const bin = Math.floor((values[i]! - low) / width);
    if (bin >= 0 && bin < bins) {
      counts[bin]! += 1;
    }
  }
  return {
    edges: Array.from({ length: bins + 1 }, (_, k) => low + k * width),
    densities: Array.from(counts, (count) => count / Math.max(1, values.length) / width),
  };
}
