import type { Coefficient } from "../data/index.js";
import { type OutputType, outputAlgebraOf } from "../models/index.js";
import type { NoiseSchedule, Scheduler, SchedulerLike } from "../schedulers/index.js";

/** Evaluates a scalar function of scheduler and time at the times of a batch. */
export type CoefficientEvaluator = (f: (scheduler: Scheduler, t: number) => number) => Coefficient;

/** The factors of one step, each evaluated only when asked for, because some are singular at the ends. */
export interface StepCoefficients {
  /** Factor of the state in the drift b = A x + G out. */
  driftState(): Coefficient;
  /** Factor of the model's output in the drift. */
  driftOutput(): Coefficient;
  /** sigma of the sampling SDE. */
  sigma(): Coefficient;
  /** Factor of u in the drift: sigma_ml / b_ml carried over to the sampling noise (DECISIONS 1). */
  driftControl(): Coefficient;
  /** Effective control, in the sense of Girsanov, of a unit difference of outputs (DECISIONS 2). */
  costOutput(): Coefficient;
  /** Effective control of a unit of u; 1 for memoryless noise and for the ODE. */
  costControl(): Coefficient;
  /** Factors of state and output in the predicted endpoint. */
  endpointState(): Coefficient;
  endpointOutput(): Coefficient;
  /** Factor of u in the shift of the output. */
  outputControl(): Coefficient;
}

/**
 * The coefficients of a step, from the table of output types.
 * @param outputType what the model returns
 * @param noise sigma(t) in use
 * @param at evaluates at the batch's times
 */
export function stepCoefficients(
  outputType: OutputType,
  noise: NoiseSchedule,
  at: CoefficientEvaluator,
): StepCoefficients {
  const algebra = outputAlgebraOf(outputType);
  const halfSigmaSquared = (scheduler: Scheduler, t: number): number | "memoryless" =>
    noise.isMemoryless ? "memoryless" : noise.sigma(t, scheduler) ** 2 / 2;
  const drift = (scheduler: Scheduler, t: number) => algebra.drift(scheduler, t, halfSigmaSquared(scheduler, t));
  const outputShift = (scheduler: Scheduler, t: number): number => {
    // sigma_ml / b_ml: how far the output moves for a unit of control of the memoryless process.
    const memoryless = algebra.drift(scheduler, t, "memoryless").output;
    return scheduler.sigmaMemoryless(t) / memoryless;
  };
  // Named, because errors name the function whose value is not finite.
  const driftState = (scheduler: Scheduler, t: number): number => drift(scheduler, t).state;
  const driftOutput = (scheduler: Scheduler, t: number): number => drift(scheduler, t).output;
  const sigma = (scheduler: Scheduler, t: number): number => noise.sigma(t, scheduler);
  const driftControl = (scheduler: Scheduler, t: number): number =>
    driftOutput(scheduler, t) * outputShift(scheduler, t);
  const costOutput = (scheduler: Scheduler, t: number): number => {
    const used = sigma(scheduler, t);
    return used === 0 ? 1 / outputShift(scheduler, t) : driftOutput(scheduler, t) / used;
  };
  const costControl = (scheduler: Scheduler, t: number): number => costOutput(scheduler, t) * outputShift(scheduler, t);
  const endpointState = (scheduler: Scheduler, t: number): number => algebra.endpoint(scheduler, t).state;
  const endpointOutput = (scheduler: Scheduler, t: number): number => algebra.endpoint(scheduler, t).output;
  return {
    driftState: () => at(driftState),
    driftOutput: () => at(driftOutput),
    sigma: () => at(sigma),
    driftControl: () => at(driftControl),
    costOutput: () => at(costOutput),
    costControl: () => (noise.isMemoryless ? 1 : at(costControl)),
    endpointState: () => at(endpointState),
    endpointOutput: () => at(endpointOutput),
    outputControl: () => at(outputShift),
  };
}

/** Coefficients at one time that all samples share. */
export function evaluatorAt(scheduler: SchedulerLike, t: number): CoefficientEvaluator {
  return (f) => scheduler.evaluate(f, t);
}

/** Coefficients at times of their own for each sample. */
export function evaluatorOver(scheduler: SchedulerLike, times: Float32Array): CoefficientEvaluator {
  return (f) => scheduler.evaluateBatch(f, times);
}
