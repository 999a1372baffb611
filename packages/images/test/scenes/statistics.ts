import type { DDTensor } from "@diffusiongym/core";
import { jpegBitsPerPixel } from "../../src/index.js";

/** Numbers that say something about a picture, one a picture under each name. */
export type Statistics = Readonly<Record<string, Float64Array>>;

/** Two neighbours whose brightness differs by more are an edge. */
const edge = 0.1;

/**
 * Mean of every colour, bits per pixel of the JPEG file, and how many of all pairs of neighbours are edges.
 * @param images [n, 3, h, w] in [0, 1]
 */
export async function statisticsOf(images: DDTensor): Promise<Statistics> {
  const [n, , height, width] = images.shape as [number, number, number, number];
  const pixels = height * width;
  const mean = (channel: number): Float64Array =>
    Float64Array.from({ length: n }, (_, i) => {
      const from = (3 * i + channel) * pixels;
      return images.data.subarray(from, from + pixels).reduce((sum, value) => sum + value, 0) / pixels;
    });
  const edges = Float64Array.from({ length: n }, (_, i) => {
    const brightness = Float64Array.from({ length: pixels }, (_, k) => {
      const [red, green, blue] = [0, 1, 2].map((channel) => images.data[(3 * i + channel) * pixels + k]!);
      return 0.299 * red! + 0.587 * green! + 0.114 * blue!;
    });
    let count = 0;
    for (let k = 0; k < pixels; k++) {
      if (k % width > 0 && Math.abs(brightness[k]! - brightness[k - 1]!) > edge) count += 1;
      if (k >= width && Math.abs(brightness[k]! - brightness[k - width]!) > edge) count += 1;
    }
    return count / (2 * pixels - width - height);
  });
  const bits = Float64Array.from(await jpegBitsPerPixel(images));
  return { red: mean(0), green: mean(1), blue: mean(2), "JPEG bits per pixel": bits, "edge density": edges };
}

/** How far two samples of a number are apart. */
export interface Comparison {
  readonly means: readonly [number, number];
  readonly standardErrors: readonly [number, number];
  readonly standardDeviations: readonly [number, number];
  /** Kolmogorov and Smirnov's: the largest difference of the shares that lie below any value. */
  readonly distance: number;
  /** Difference of the means in standard deviations of the first sample. */
  readonly shift: number;
}

/** Compares a sample with another. */
export function compareSamples(first: Float64Array, second: Float64Array): Comparison {
  const [a, b] = [momentsOf(first), momentsOf(second)];
  return {
    means: [a.mean, b.mean],
    standardErrors: [a.deviation / Math.sqrt(first.length), b.deviation / Math.sqrt(second.length)],
    standardDeviations: [a.deviation, b.deviation],
    distance: kolmogorovSmirnov(first, second),
    shift: (b.mean - a.mean) / a.deviation,
  };
}

/** One line: `red: 0.512 ± 0.004 and 0.507 ± 0.005, shift ...`. */
export function describeComparison(
  name: string,
  { means, standardErrors, standardDeviations, distance, shift }: Comparison,
): string {
  const of = (k: 0 | 1): string =>
    `${means[k].toFixed(4)} ± ${standardErrors[k].toFixed(4)} (deviation ${standardDeviations[k].toFixed(4)})`;
  return `${name}: ${of(0)} and ${of(1)}; shift ${shift.toFixed(3)}, Kolmogorov-Smirnov distance ${distance.toFixed(3)}`;
}

function momentsOf(values: Float64Array): { mean: number; deviation: number } {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return { mean, deviation: Math.sqrt(squares / (values.length - 1)) };
}

function kolmogorovSmirnov(first: Float64Array, second: Float64Array): number {
  const [a, b] = [first.toSorted(), second.toSorted()];
  let [i, j, largest] = [0, 0, 0];
  while (i < a.length && j < b.length) {
    const value = Math.min(a[i]!, b[j]!);
    while (i < a.length && a[i]! <= value) i += 1;
    while (j < b.length && b[j]! <= value) j += 1;
    largest = Math.max(largest, Math.abs(i / a.length - j / b.length));
  }
  return largest;
}
