import { type Json, TrainingAbortedError } from "../method/index.js";
import type { Baseline } from "../monitoring/index.js";

const windowLength = 50;

/**
 * The rule that catches a missing anchor: at the optimum the objective lambda E[r] - KL is log Z, at least that of the base model (Jensen). A policy
 * that pays more KL than its rewards are worth, on average over 50 iterations, is not on the way there.
 */
export class ObjectiveRule {
  #recent: number[] = [];

  /**
   * Looks at an iteration's objective.
   * @param iteration iterations done, from 1
   * @throws TrainingAbortedError when the mean of the last 50 is worse than the base model's by 3 standard errors and 1 nat
   */
  check(
    iteration: number,
    objective: number | undefined,
    { baseline, rewardScale }: { readonly baseline: Baseline | undefined; readonly rewardScale: number },
  ): void {
    if (objective === undefined || baseline === undefined || baseline.valid === 0) {
      return;
    }
    this.#recent = [...this.#recent, objective].slice(-windowLength);
    const mean = this.#recent.reduce((sum, value) => sum + value, 0) / this.#recent.length;
    const error = (Math.abs(rewardScale) * baseline.rewardStd) / Math.sqrt(baseline.valid);
    const idle = rewardScale * baseline.rewardMean;
    if (this.#recent.length === windowLength && mean < idle - 3 * error - 1) {
      throw new TrainingAbortedError(
        `Stopped in iteration ${iteration}: over the last ${windowLength} iterations the objective, rewardScale * reward - kl_path, was ${mean.toPrecision(3)} ` +
          `on average, and the base model's is ${idle.toPrecision(3)}: the path KL costs more than the rewards are worth. Lower the learning rate; if ` +
          "that does not help, the KL is missing from the loss.",
        "objective",
        iteration,
      );
    }
  }

  state(): Json {
    return [...this.#recent];
  }

  restore(state: Json): void {
    this.#recent = [...(state as number[])];
  }
}
