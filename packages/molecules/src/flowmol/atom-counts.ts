import { ArgumentError, type SampleStreams, ShapeError } from "@diffusiongym/core";

/** How likely each number of atoms is. */
export interface AtomCountDistribution {
  /** Numbers of atoms. */
  readonly counts: readonly number[];
  /** Weight of each, any positive scale. */
  readonly weights: readonly number[];
}

/** Numbers of atoms, as the conditioning `nAtoms` takes them: one for all molecules, or one a molecule. */
export type AtomCounts = number | ArrayLike<number>;

/**
 * A normal law on whole numbers.
 * @param range smallest and largest number
 */
export function normalAtomCounts(
  mean: number,
  standardDeviation: number,
  range: readonly [number, number],
): AtomCountDistribution {
  const counts = Array.from({ length: range[1] - range[0] + 1 }, (_, i) => range[0] + i);
  return { counts, weights: counts.map((count) => Math.exp(-0.5 * ((count - mean) / standardDeviation) ** 2)) };
}

/**
 * Numbers of atoms for n molecules: those that were asked for, or drawn, molecule i from its own stream.
 * @throws ShapeError when a list has another length; ArgumentError when a number is no whole number >= 1
 */
export function resolveAtomCounts(
  n: number,
  asked: AtomCounts | undefined,
  { distribution, streams }: { readonly distribution: AtomCountDistribution; readonly streams: SampleStreams },
): Int32Array {
  if (asked === undefined) {
    const draws = streams.fold("nAtoms");
    return Int32Array.from(
      { length: n },
      (_, i) => distribution.counts[draws.at(i).categorical(distribution.weights)]!,
    );
  }
  if (typeof asked !== "number" && asked.length !== n) {
    throw new ShapeError(
      `nAtoms: ${asked.length} numbers of atoms were given for ${n} molecules.`,
      [n],
      [asked.length],
    );
  }
  return Int32Array.from({ length: n }, (_, i) => {
    const count = typeof asked === "number" ? asked : asked[i]!;
    if (!(Number.isSafeInteger(count) && count >= 1)) {
      throw new ArgumentError(`nAtoms: a molecule has a whole number of atoms >= 1, got ${count}.`, "nAtoms", count);
    }
    return count;
  });
}

/**
 * Checks a distribution from a file or a user.
 * @throws ArgumentError when counts and weights do not fit, or are out of range
 */
export function checkAtomCounts({ counts, weights }: AtomCountDistribution): AtomCountDistribution {
  const valid =
    counts.length > 0 &&
    counts.length === weights.length &&
    counts.every((count) => Number.isSafeInteger(count) && count >= 1) &&
    weights.every((weight) => Number.isFinite(weight) && weight >= 0) &&
    weights.some((weight) => weight > 0);
  if (!valid) {
    throw new ArgumentError(
      "atomCounts: give whole numbers of atoms >= 1 and as many weights >= 0, not all of them 0.",
      "atomCounts",
      { counts, weights },
    );
  }
  return { counts, weights };
}
