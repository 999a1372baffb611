import type { DiffusionData } from "@diffusiongym/core";
import { needsParameters, type RequirementCheck } from "../training/index.js";
import type { ReinforceAdjointMatchingOptions } from "./options.js";

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
