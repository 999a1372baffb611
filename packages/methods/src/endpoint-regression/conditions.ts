import { ArgumentError, concatConditioning, DiffusionData, Shared, Tensor } from "@diffusiongym/core";

/** Number of conditions in a conditioning: the length of its first entry with one value a sample; 1 where all is constant. */
export function conditionCount(conditioning: object): number {
  return entryCount(conditioning) ?? 1;
}

/**
 * The conditioning of a pool of n endpoints: the conditions one after another, as often as n asks for, so that endpoint i
 * has condition i mod `conditionCount`.
 * @throws ArgumentError when n is no multiple of the number of conditions
 */
export function tileConditioning<C extends object>(conditioning: C, n: number): C {
  const count = entryCount(conditioning);
  if (count === undefined || count === n) {
    return conditioning;
  }
  if (count === 0 || n % count !== 0) {
    throw new ArgumentError(
      `A pool of ${n} endpoints cannot hold ${count} conditions equally often; take a multiple of ${count}.`,
      "conditioning",
      count,
    );
  }
  const copies = n / count;
  return concatConditioning(new Array<C>(copies).fill(conditioning), new Array<number>(copies).fill(count));
}

function entryCount(entry: unknown): number | undefined {
  if (entry === null || typeof entry !== "object" || entry instanceof Shared) {
    return undefined;
  }
  if (entry instanceof Tensor) {
    return entry.shape[0];
  }
  if (Array.isArray(entry) || ArrayBuffer.isView(entry) || entry instanceof DiffusionData) {
    return (entry as unknown as { readonly length: number }).length;
  }
  return Object.values(entry)
    .map(entryCount)
    .find((count) => count !== undefined);
}
