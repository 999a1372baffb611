import { concatConditioning, sliceConditioning } from "@diffusiongym/core";

/** The conditioning of chosen samples, in the order of their indices. */
export function takeConditioning<C extends object>(conditioning: C, indices: ArrayLike<number>): C {
  if (Object.keys(conditioning).length === 0) {
    return conditioning;
  }
  return concatConditioning(
    Array.from(indices, (index) => sliceConditioning(conditioning, index, index + 1)),
    Array.from(indices, () => 1),
  );
}
