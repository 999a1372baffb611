/** A linear map from data to picture coordinates. */
export interface Scale {
  /** Smallest and largest number shown. */
  readonly domain: readonly [number, number];
  /** Where these are, in picture units. */
  readonly range: readonly [number, number];
  /** Picture coordinate of a number. */
  at(value: number): number;
}

/** The linear map that takes `domain` to `range`. */
export function linearScale(domain: readonly [number, number], range: readonly [number, number]): Scale {
  const [low, high] = domain;
  const slope = (range[1] - range[0]) / (high - low);
  return { domain, range, at: (value) => range[0] + (value - low) * slope };
}

/**
 * Smallest and largest finite number of several lists, widened on both sides.
 * @param margin share of the length that is added on each side @default 0.05
 * @returns [0, 1] when there is no number; a list of one number gets a length of 1
 */
export function extent(lists: Iterable<ArrayLike<number>>, margin = 0.05): [number, number] {
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  for (const list of lists) {
    for (let i = 0; i < list.length; i++) {
      const value = list[i]!;
      if (Number.isFinite(value)) {
        low = Math.min(low, value);
        high = Math.max(high, value);
      }
    }
  }
  if (low > high) {
    return [0, 1];
  }
  const length = high - low;
  const added = length > 1e-9 * Math.max(Math.abs(low), Math.abs(high)) ? margin * length : 0.5;
  return [low - added, high + added];
}

/** The q-quantile of the finite numbers of a list, 0 when there is none. */
export function quantile(values: ArrayLike<number>, q: number): number {
  const sorted = Array.from(values)
    .filter(Number.isFinite)
    .sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.max(0, Math.round(q * (sorted.length - 1))))] ?? 0;
}
