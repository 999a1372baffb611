import { odeSolverNames } from "../sampling/index.js";
import { choice, integer, type Knobs, number, timeRange } from "./knob.js";

/** Defaults that differ from method to method. */
export interface PolicyKnobDefaults {
  readonly iterations: number;
  readonly batchSize: number;
  readonly learningRate?: number;
  readonly averageDecay?: number;
  readonly maxKlPath?: number;
  /** No limit of the gradient's norm. */
  readonly unclipped?: boolean;
}

/** Knobs of every method that trains a policy. */
export function policyKnobs(defaults: PolicyKnobDefaults): Knobs {
  const { iterations, batchSize, learningRate = 1e-3, averageDecay, maxKlPath, unclipped = false } = defaults;
  const none = { shownDefault: "none" };
  return {
    iterations: integer("Iterations", iterations),
    batchSize: integer("Samples of an iteration", batchSize),
    learningRate: number("Peak of Adam's learning rate, which falls to 0 along a cosine", learningRate, {
      positive: true,
    }),
    maxGradientNorm: number("Largest norm of the gradient", unclipped ? undefined : 1, {
      positive: true,
      ...(unclipped && none),
    }),
    averageDecay: number(
      "Decay of a running average of the parameters, which is what samples, in [0, 1)",
      averageDecay,
      {
        least: 0,
        ...(averageDecay === undefined && none),
      },
    ),
    maxKlPath: number("Path KL to the base model at which the run stops itself", maxKlPath, {
      positive: true,
      ...(maxKlPath === undefined && none),
    }),
    rowsAtOnce: integer("Rows of the network computed at once; changes no update beyond rounding", 8192),
  };
}

/** Consecutive samples that are compared with each other. */
export const groupSize = integer("Consecutive samples compared with each other only; 0 for all", 0, { least: 0 });

/** Knobs of methods that regress on noised endpoints. */
export function endpointKnobs(solverSteps: number): Knobs {
  return {
    noisings: integer("Fresh noisings of each endpoint in an update", 4),
    timeRange: timeRange("Times between which endpoints are noised", 0.001, 0.999),
    solver: choice("Solver of the flow that draws endpoints", odeSolverNames, "heun"),
    solverSteps: integer("Steps of that solver", solverSteps),
  };
}

/** Knobs of methods that draw pools of endpoints in rounds. */
export function pooledKnobs(rounds: number, roundIterations: string): Knobs {
  return {
    ...endpointKnobs(24),
    rounds: integer("Rounds of drawing and regressing", rounds),
    roundIterations: integer("Iterations of each round but the last", undefined, { shownDefault: roundIterations }),
    basePoolSize: integer("Endpoints of the base model, drawn once", 65_536, { least: 2 }),
    poolSize: integer("Endpoints of each later round", 8192, { least: 2 }),
  };
}

/** Knobs of methods with clipped ratios. */
export function surrogateKnobs(shown: { readonly clip: string; readonly skipped: string } | undefined): Knobs {
  return {
    groupSize,
    ratioClip: number("Ratios further than this from 1 pull no more", undefined, {
      least: 0,
      shownDefault: shown?.clip ?? "0.2 for sums, 1e-4 for means",
    }),
    logProbReduction: choice(
      "Reduction of a step's log-probability over a sample",
      ["sum", "mean"],
      shown ? undefined : "sum",
      {
        ...(shown && { shownDefault: "sum; mean in the published form" }),
      },
    ),
    innerEpochs: integer("Passes over a rollout", 1),
    minibatches: integer("Updates of a pass", 1),
    leastDeviation: number("Standard deviations of steps below this count as this", 0, { least: 0 }),
    skipLastSteps: integer("Last steps left out of the loss", shown ? undefined : 0, {
      least: 0,
      ...(shown && { shownDefault: shown.skipped }),
    }),
  };
}
