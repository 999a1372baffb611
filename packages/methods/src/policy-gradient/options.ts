import { ArgumentError, type DDTensor, type DiffusionData, type NoConditioning } from "@diffusiongym/core";
import type { TransitionKernel } from "../kernels/index.js";
import { requireOneOf } from "../method/index.js";
import { type PolicyMethodOptions, requireBetween, requireCount } from "../training/index.js";

/** `"sum"` over the entries of a sample is the log-probability; `"mean"` is what public code takes. */
export type LogProbReduction = "sum" | "mean";

/** `"importance"` weighs with clipped ratios to the rollout's policy, `"score"` takes the score function alone. */
export type GradientEstimator = "importance" | "score";

/** Options of every method that follows the score function along paths. */
export interface PathGradientOptions<D extends DiffusionData<D> = DDTensor, C extends object = NoConditioning>
  extends PolicyMethodOptions<D, C> {
  /** How steps are taken. @default Euler-Maruyama with the environment's noise */
  readonly kernel?: TransitionKernel;
  /** Consecutive samples of a batch that share their conditioning and are compared with each other; 0 for all. @default 0 */
  readonly groupSize?: number;
}

/** Options of methods that make several updates from one rollout. */
export interface SurrogateOptions<D extends DiffusionData<D> = DDTensor, C extends object = NoConditioning>
  extends PathGradientOptions<D, C> {
  /** c: ratios outside 1 - c ... 1 + c pull no further. @default 0.2 for sums, 1e-4 for means */
  readonly ratioClip?: number;
  /** How the log-probability of a step is reduced over the entries of a sample. @default "sum"; "mean" in Flow-GRPO's published form */
  readonly logProbReduction?: LogProbReduction;
  /** Passes over a rollout. @default 1 */
  readonly innerEpochs?: number;
  /** Updates of a pass, each on its own part of the samples. @default 1 */
  readonly minibatches?: number;
  /** Standard deviations of steps below this one count as this in the log-probabilities. @default 0 */
  readonly leastDeviation?: number;
  /** Last steps that are left out of the loss. @default 0; 1 in Flow-GRPO's published form */
  readonly skipLastSteps?: number;
}

/** How a rollout becomes updates. */
export interface SurrogateSettings {
  readonly estimator: GradientEstimator;
  readonly ratioClip: number;
  readonly logProbReduction: LogProbReduction;
  readonly innerEpochs: number;
  readonly minibatches: number;
  readonly leastDeviation: number;
  readonly skipLastSteps: number;
  /** Average over the steps rather than sum over them. */
  readonly averageSteps: boolean;
}

/**
 * Fills in defaults and checks ranges.
 * @throws ArgumentError naming the option
 */
export function resolveSurrogate<D extends DiffusionData<D>, C extends object>(
  options: SurrogateOptions<D, C>,
  defaults: Pick<SurrogateSettings, "estimator" | "logProbReduction" | "skipLastSteps" | "averageSteps">,
): SurrogateSettings {
  const { logProbReduction = defaults.logProbReduction, innerEpochs = 1, minibatches = 1 } = options;
  const { leastDeviation = 0, skipLastSteps = defaults.skipLastSteps } = options;
  requireOneOf("logProbReduction", logProbReduction, ["sum", "mean"]);
  const { ratioClip = logProbReduction === "sum" ? 0.2 : 1e-4 } = options;
  requireBetween("ratioClip", ratioClip, 0, Number.MAX_VALUE);
  requireCount("innerEpochs", innerEpochs);
  requireCount("minibatches", minibatches);
  requireBetween("leastDeviation", leastDeviation, 0, Number.MAX_VALUE);
  requireCount("skipLastSteps", skipLastSteps, 0);
  const { steps } = options.environment;
  if (skipLastSteps >= steps) {
    throw new ArgumentError(
      `skipLastSteps = ${skipLastSteps} leaves none of the ${steps} steps.`,
      "skipLastSteps",
      skipLastSteps,
    );
  }
  if (defaults.estimator === "score" && innerEpochs * minibatches > 1) {
    throw new ArgumentError(
      'The estimator "score" holds for the policy that was rolled out only: use it with innerEpochs = 1 and minibatches = 1, or take "importance".',
      "estimator",
      defaults.estimator,
    );
  }
  return { ...defaults, ratioClip, logProbReduction, innerEpochs, minibatches, leastDeviation, skipLastSteps };
}

/**
 * The number of groups in a batch.
 * @throws ArgumentError when the samples do not fill them
 */
export function requireGroups(batchSize: number, groupSize: number): number {
  requireCount("groupSize", groupSize, 0);
  if (groupSize === 1 || (groupSize > 0 && batchSize % groupSize !== 0)) {
    throw new ArgumentError(
      `groupSize must be 0, or at least 2 and a divisor of batchSize = ${batchSize}, got ${groupSize}.`,
      "groupSize",
      groupSize,
    );
  }
  return groupSize === 0 ? 1 : batchSize / groupSize;
}
