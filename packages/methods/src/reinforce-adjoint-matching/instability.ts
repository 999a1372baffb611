import { RequirementError, TrainingAbortedError } from "../method/index.js";
import type { Comparison } from "./comparison.js";
import type { ReinforceBaseline } from "./options.js";

/** A comparison of rewards that lets the policy run away. */
export interface Instability extends Pick<Comparison, "stability" | "scale"> {
  readonly method: string;
  readonly baseline: ReinforceBaseline;
  /** Iterations done. */
  readonly iteration: number;
}

/** What to throw (METHODS 1.13, rule 3): a requirement that is not met at the start, and the end of a run later on. */
export function instabilityError({ method, baseline, iteration, stability, scale }: Instability): Error {
  const numbers =
    `1 + lambda (r - b) falls to ${stability.toPrecision(3)} at lambda ${scale.toPrecision(3)}, and where its mean given x_t is below 0 ` +
    "the policy runs away from its target. ";
  const remedy = 'Use baseline: "conditional" with a network for E[r | x_t], or a smaller rewardScale.';
  return iteration === 0
    ? new RequirementError(
        `Reinforce adjoint matching cannot start: with baseline "${baseline}" the iteration is unstable. ${numbers}${remedy}`,
        method,
        "a stable baseline",
      )
    : new TrainingAbortedError(
        `Stopped in iteration ${iteration + 1}: with baseline "${baseline}" the iteration has become unstable. ${numbers}${remedy}`,
        "stability",
        iteration + 1,
      );
}
