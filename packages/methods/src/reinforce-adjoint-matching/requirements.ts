import type { DiffusionData } from "@diffusiongym/core";
import { ResidualPolicy } from "../policies/index.js";
import { needsParameters, type RequirementCheck } from "../training/index.js";
import type { ReinforceAdjointMatchingOptions } from "./options.js";

/**
 * A path cost that is finite: the control of an endpoint that is off by d costs W d^2 / (alpha beta^3), which d must make up for towards
 * t = 1, where beta is 0.
 */
export function* needsFiniteControl<D extends DiffusionData<D>, C extends object>({
  environment,
  policy,
  pathCost = false,
}: ReinforceAdjointMatchingOptions<D, C>): Iterable<RequirementCheck> {
  if (pathCost && environment.outputType === "endpoint") {
    yield policy instanceof ResidualPolicy && policy.scale === "value-gradient"
      ? undefined
      : {
          requirement: "a finite control",
          message:
            "with pathCost the control of a policy on endpoints is infinite towards t = 1, unless its difference from the base model falls " +
            'like beta^2: give a ResidualPolicy with scale: "value-gradient".',
        };
  }
}

/** The networks that the conditional baseline learns. */
export function* needsBaselines<D extends DiffusionData<D>, C extends object>(
  options: ReinforceAdjointMatchingOptions<D, C>,
): Iterable<RequirementCheck> {
  const { baseline = "conditional", pathCost = false, rewardBaseline, costBaseline } = options;
  if (baseline !== "conditional") {
    return;
  }
  yield rewardBaseline === undefined
    ? {
        requirement: "a reward baseline",
        message:
          "the conditional baseline needs a network for E[r | x_t]; give rewardBaseline (a ValueNetwork that starts at 0), or choose " +
          'baseline: "mean", which is stable for small lambda only.',
      }
    : needsParameters(rewardBaseline.network.parameters, "reward baseline");
  if (pathCost) {
    yield costBaseline === undefined
      ? {
          requirement: "a cost baseline",
          message:
            "with pathCost the conditional baseline needs a second network, for the mean path cost; give costBaseline (a ValueNetwork that starts at 0).",
        }
      : needsParameters(costBaseline.network.parameters, "cost baseline");
  }
}
