import type { KnobValues } from "@diffusiongym/methods";
import type { ComparisonProblem } from "./problem.js";

/** Settings of a method: what a ladder of tuning is made of. */
export interface Settings {
  /** Steps of the SDE, in training and in evaluation. */
  readonly steps: number;
  /** What the added network is multiplied with, for methods that train a policy. @default "one" */
  readonly residualScale?: "one" | "one-minus-t";
  /** Knobs of the method, `iterations` excepted, which the budget decides. */
  readonly knobs: KnobValues;
}

/** How much a method may spend on training. */
export interface Budget {
  readonly kind: "seconds" | "reward-calls";
  /** CPU seconds of the process, or samples that the reward judges. */
  readonly amount: number;
  /** CPU seconds that end a run whose reward calls do not grow with its iterations; for `"reward-calls"`. */
  readonly seconds: number;
}

/** One point of the best that is possible: the tilt of some strength. */
export interface FrontierPoint {
  readonly rewardScale: number;
  /** E[r] of the tilt. */
  readonly reward: number;
  /** KL(tilt || base), in nats. */
  readonly kl: number;
}

/** What is known exactly of a problem, as data. */
export interface ExactFacts {
  readonly dimension: number;
  readonly reward: number;
  readonly baseReward: number;
  /** Standard deviation of r under the tilt. */
  readonly rewardDeviation: number;
  /** KL(tilt || base). */
  readonly kl: number;
  readonly logNormalizer: number;
  /** Share of the base model's samples that are effective after weighting. */
  readonly baseEss: number;
  /** Centres of the tilt's modes, `[m, dimension]`. */
  readonly centres: readonly number[];
  /** Exact mass of each mode's cell, `[m]`. */
  readonly masses: readonly number[];
  /** Tilts of increasing strength, from none on. */
  readonly frontier: readonly FrontierPoint[];
}

/** What a child process does: measure what iterations cost, or train and evaluate. */
export interface Job {
  readonly kind: "calibrate" | "run";
  readonly problem: ComparisonProblem;
  readonly method: string;
  readonly settings: Settings;
  /** Seed of the networks, of training, and (moved) of the evaluation. */
  readonly seed: number;
  /** Iterations of a run; of no meaning for samplers, which train nothing. */
  readonly iterations: number;
  /** Samples of each law in the evaluation. */
  readonly count: number;
  /** Samples whose densities are followed along the flow; 0 for none. */
  readonly densityCount: number;
  readonly exact: ExactFacts | undefined;
  readonly width: number;
  readonly depth: number;
}

/** What training costs: `setup + iterations * each`. */
export interface Cost {
  readonly setupSeconds: number;
  readonly iterationSeconds: number;
  readonly setupCalls: number;
  readonly iterationCalls: number;
}

/** What is measured of samples. */
export interface LawMeasures {
  readonly reward: number;
  readonly rewardError: number;
  readonly validFraction: number;
  /** Total variation by exact cell masses (METHODS 4.4). */
  readonly totalVariation?: number;
}

/** What is measured of the SDE on the grid of training. */
export interface SdeMeasures extends LawMeasures {
  readonly klPath: number;
  readonly pathEss?: number;
}

/** What is measured of the ODE, by densities along the flow. */
export interface OdeMeasures extends LawMeasures {
  /** Slope of log p / p_base on r. */
  readonly achievedScale?: number;
  readonly rSquared?: number;
  readonly klToTilt?: number;
  readonly klToBase?: number;
}

/** What a run was and gave. */
export interface Outcome {
  readonly status: "done" | "refused" | "failed";
  /** Why it was refused or failed, or stopped itself early. */
  readonly message?: string;
  /** Iterations that were done. */
  readonly iterations: number;
  /** CPU seconds of training; of drawing the samples, for samplers. */
  readonly seconds: number;
  readonly wallSeconds: number;
  /** Samples that the reward judged in training, or in drawing. */
  readonly rewardCalls: number;
  /** Largest resident memory of the process until the end of training, in MB. */
  readonly peakMemoryMb: number;
  readonly sde?: SdeMeasures;
  readonly ode?: OdeMeasures;
  /** Samplers that are neither. */
  readonly samples?: LawMeasures;
}

/** What a child process answers. */
export type JobResult =
  | { readonly kind: "calibrate"; readonly cost: Cost }
  | { readonly kind: "calibrate"; readonly refused: string }
  | { readonly kind: "run"; readonly outcome: Outcome };
