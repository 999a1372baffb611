import { ArgumentError, type DDTensor, type DiffusionData, type NoConditioning } from "@diffusiongym/core";
import { cosineSchedule, type LearningRateSchedule } from "@diffusiongym/nn";
import { requireCount } from "../training/index.js";
import { conditionCount } from "./conditions.js";
import type { EndpointOptions } from "./options.js";

/**
 * Options of methods that draw pools of endpoints, one a round, and regress on rows of them. With conditions, `conditioning`
 * lists them once, one entry a condition, and every pool holds each of them equally often.
 */
export interface PooledOptions<D extends DiffusionData<D> = DDTensor, C extends object = NoConditioning>
  extends EndpointOptions<D, C> {
  /** Rounds of drawing and regressing. @default the method's */
  readonly rounds?: number;
  /** Iterations of each round but the last, which gets the rest. @default the method's */
  readonly roundIterations?: number;
  /** Endpoints of the base model, drawn once at the beginning. @default 65536 */
  readonly basePoolSize?: number;
  /** Endpoints of each later round. @default 8192 */
  readonly poolSize?: number;
}

/** How a run is divided. */
export interface RoundPlan {
  readonly rounds: number;
  /** Iterations of each round but the last. */
  readonly roundIterations: number;
  readonly basePoolSize: number;
  readonly poolSize: number;
}

/** What a method uses where its user says nothing. */
export interface RoundDefaults {
  readonly iterations: number;
  readonly rounds: number;
  /** Iterations of each round but the last. */
  roundIterations(iterations: number, rounds: number): number;
}

/**
 * Fills in defaults and checks ranges.
 * @throws ArgumentError naming the option
 */
export function resolveRounds<D extends DiffusionData<D>, C extends object>(
  options: PooledOptions<D, C>,
  defaults: RoundDefaults,
): RoundPlan {
  const { iterations = defaults.iterations, basePoolSize = 65_536, poolSize = 8192, conditioning = {} } = options;
  requireCount("iterations", iterations);
  const { rounds = Math.min(defaults.rounds, iterations) } = options;
  requireCount("rounds", rounds);
  requireCount("basePoolSize", basePoolSize, 2);
  requireCount("poolSize", poolSize, 2);
  const { roundIterations = Math.max(1, defaults.roundIterations(iterations, rounds)) } = options;
  requireCount("roundIterations", roundIterations);
  if ((rounds - 1) * roundIterations >= iterations) {
    throw new ArgumentError(
      `${rounds} rounds of ${roundIterations} iterations leave nothing of ${iterations} iterations for the last one.`,
      "rounds",
      rounds,
    );
  }
  const conditions = conditionCount(conditioning);
  for (const [name, size] of Object.entries({ basePoolSize, poolSize })) {
    if (conditions === 0 || size % conditions !== 0) {
      throw new ArgumentError(`${name} ${size} is no multiple of the ${conditions} conditions.`, name, size);
    }
  }
  return { rounds, roundIterations, basePoolSize, poolSize };
}

/** The round of an iteration, from 0. */
export function roundAt({ rounds, roundIterations }: RoundPlan, iteration: number): number {
  return Math.min(rounds - 1, Math.floor(iteration / roundIterations));
}

/** A cosine from `peak` to 0 that begins anew with every round. */
export function restartedCosine(
  plan: Pick<RoundPlan, "rounds" | "roundIterations">,
  peak: number,
  iterations: number,
): LearningRateSchedule {
  const last = (plan.rounds - 1) * plan.roundIterations;
  const early = cosineSchedule({ peak, steps: plan.roundIterations });
  const late = cosineSchedule({ peak, steps: iterations - last });
  return (step) => (step >= last ? late(step - last) : early(step % plan.roundIterations));
}
