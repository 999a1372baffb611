import { ArgumentError, type Sample } from "@diffusiongym/core";
import { toMolecules, type Vocabulary } from "../formats/index.js";
import type { MoleculeGraph } from "../graph/index.js";
import type { Molecule } from "../molecule/index.js";

/** What one 3-D view shows. */
export interface ViewerScene {
  /** Heading of the view. */
  readonly title: string;
  /** A line under the heading. @default nothing */
  readonly caption?: string;
  /** A molecule, or its states one after the other, played as a film. */
  readonly frames: readonly Molecule[];
}

/** How scenes are made of a sample. */
export interface ScenesOptions {
  /** What the columns of the graphs mean. @default FlowMol's */
  readonly vocabulary?: Vocabulary;
  /** Unit of the reward, for captions. @default none */
  readonly unit?: string;
  /** Largest number of frames of the film. @default 60 */
  readonly frames?: number;
}

/**
 * The best and the median valid molecule of a sample by reward, and, where the trajectory was recorded, the way of the best
 * one from noise to molecule. A sample without a valid molecule gives none.
 */
export function scenesOf<C extends object>(
  sample: Sample<MoleculeGraph, C>,
  options: ScenesOptions = {},
): ViewerScene[] {
  const { vocabulary, unit, frames = 60 } = options;
  const ranked = Array.from(sample.rewards.keys())
    .filter((i) => sample.valids[i] === 1)
    .sort((a, b) => sample.rewards[b]! - sample.rewards[a]! || a - b);
  const best = ranked[0];
  if (best === undefined) {
    return [];
  }
  const median = ranked[Math.floor((ranked.length - 1) / 2)]!;
  const caption = (i: number): string =>
    `sample ${i}, reward ${Number(sample.rewards[i]!.toPrecision(4))}${unit === undefined ? "" : ` ${unit}`}`;
  const still = (title: string, i: number): ViewerScene => ({
    title,
    caption: caption(i),
    frames: toMolecules(sample.sample.at(i), vocabulary),
  });
  const film: ViewerScene[] = sample.has("trajectory")
    ? [
        {
          title: "From noise to molecule",
          caption: caption(best),
          frames: trajectoryFrames(sample.trajectory, best, { ...(vocabulary && { vocabulary }), frames }),
        },
      ]
    : [];
  return [still("Best", best), still("Median", median), ...film];
}

/**
 * The states of one molecule of a trajectory, decoded; of a long one, evenly spaced states with the first and the last.
 * @param trajectory batches of states, as a `Sample` records them
 * @param index the molecule
 * @throws ArgumentError for a number of frames below 2
 */
export function trajectoryFrames(
  trajectory: readonly MoleculeGraph[],
  index: number,
  options: Pick<ScenesOptions, "vocabulary" | "frames"> = {},
): Molecule[] {
  const { vocabulary, frames = 60 } = options;
  if (!(Number.isInteger(frames) && frames >= 2)) {
    throw new ArgumentError(`frames must be a whole number >= 2, got ${frames}.`, "frames", frames);
  }
  const count = Math.min(frames, trajectory.length);
  return Array.from({ length: count }, (_, k) => {
    const step = count === 1 ? 0 : Math.round((k * (trajectory.length - 1)) / (count - 1));
    return toMolecules(trajectory[step]!.at(index), vocabulary)[0]!;
  });
}
