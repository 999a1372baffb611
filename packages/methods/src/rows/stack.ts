import { collate, concatConditioning, type DiffusionData } from "@diffusiongym/core";

/** One batch for several batches of n samples that share their conditioning: the rows of several steps of a rollout. */
export function stackData<D extends DiffusionData<D>>(batches: readonly D[]): D {
  return batches.length === 1 ? batches[0]! : collate(batches);
}

/** The conditioning of `stackData` of `count` batches. */
export function repeatConditioning<C extends object>(conditioning: C, count: number, n: number): C {
  return count === 1
    ? conditioning
    : concatConditioning(
        Array.from({ length: count }, () => conditioning),
        Array.from({ length: count }, () => n),
      );
}

/** Splits what `stackData` joined back into batches of n samples. */
export function unstackData<D extends DiffusionData<D>>(data: D, n: number): D[] {
  return Array.from({ length: data.length / n }, (_, k) => data.slice(k * n, (k + 1) * n));
}

/** Indices 0 ... count - 1 in consecutive groups, so that each group has at most `rowsAtOnce` rows of n each, and at least n. */
export function groupsOfSteps(count: number, n: number, rowsAtOnce: number): number[][] {
  const size = Math.max(1, Math.floor(rowsAtOnce / n));
  return Array.from({ length: Math.ceil(count / size) }, (_, group) =>
    Array.from({ length: Math.min(size, count - group * size) }, (_, k) => group * size + k),
  );
}
