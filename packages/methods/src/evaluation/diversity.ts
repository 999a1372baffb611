import type { DiffusionData, RandomStream } from "@diffusiongym/core";
import { type Estimate, estimate } from "./estimate.js";

/**
 * Mean Euclidean distance between pairs of samples, each sample in two pairs; it falls when a method collapses.
 * @returns undefined where samples differ in structure, as molecules do; give a measure of your own there
 */
export function meanPairwiseDistance<D extends DiffusionData<D>>(
  samples: D,
  stream: RandomStream,
): Estimate | undefined {
  const n = samples.length;
  if (n < 2 || !isAlike(samples)) {
    return undefined;
  }
  // Neighbours in a random cycle are never the same sample.
  const cycle = stream.permutation(n);
  const next = Int32Array.from(cycle, (_, k) => cycle[(k + 1) % n]!);
  const difference = samples.take(cycle).linearCombination(1, [[-1, samples.take(next)]]);
  return estimate(difference.squaredNorm().map(Math.sqrt));
}

/** True when every sample has as many rows as the first one. */
function isAlike<D extends DiffusionData<D>>(samples: D): boolean {
  return samples.tensors().every((_, index) => {
    const offsets = samples.rowOffsets(index);
    return offsets === undefined || Array.from(offsets).every((offset, i) => offset === i * offsets[1]!);
  });
}
