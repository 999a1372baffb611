import type { RandomStream } from "@diffusiongym/core";

/** A step that enters the loss, and what its term counts so that the sum over steps stays unbiased. */
export interface ChosenStep {
  readonly step: number;
  readonly weight: number;
}

/**
 * Chooses steps for the loss: half from the first 60 % of the trajectory and half from the rest, without repeats, each weighted
 * by how many it stands for.
 * @param steps the steps to choose from, in order
 * @param count how many; all of them when that is not fewer
 */
export function chooseSteps(steps: readonly number[], count: number, stream: RandomStream): ChosenStep[] {
  if (count >= steps.length) {
    return steps.map((step) => ({ step, weight: 1 }));
  }
  const split = Math.round(0.6 * steps.length);
  const early = steps.slice(0, split);
  const late = steps.slice(split);
  const earlyCount = Math.min(early.length, Math.max(count - late.length, Math.ceil(count / 2)));
  return [...choose(early, earlyCount, stream), ...choose(late, count - earlyCount, stream)];
}

function choose(steps: readonly number[], count: number, stream: RandomStream): ChosenStep[] {
  const chosen = Array.from(stream.permutation(steps.length).subarray(0, count)).sort((a, b) => a - b);
  return chosen.map((index) => ({ step: steps[index]!, weight: steps.length / count }));
}
