import { ArgumentError } from "@diffusiongym/core";

/** A learning rate as a function of the number of updates made before, 0, 1, 2, ... */
export type LearningRateSchedule = (step: number) => number;

/** Options of `cosineSchedule`. */
export interface CosineScheduleOptions {
  /** Learning rate at step 0. */
  readonly peak: number;
  /** Steps after which `final` is reached and kept; >= 1. */
  readonly steps: number;
  /** Learning rate at the end. @default 0 */
  readonly final?: number;
}

/** Options of `warmupSchedule`. */
export interface WarmupScheduleOptions {
  /** Steps over which the rate rises linearly; 0 for none. */
  readonly steps: number;
  /** What follows, with its own steps counted from the end of the rise. */
  readonly followedBy: LearningRateSchedule | number;
}

/** Always the same rate. */
export function constantSchedule(rate: number): LearningRateSchedule {
  requireRate("rate", rate);
  return () => rate;
}

/** From `peak` to `final` along half a cosine: final + (peak - final) (1 + cos(pi step / steps)) / 2. */
export function cosineSchedule({ peak, steps, final = 0 }: CosineScheduleOptions): LearningRateSchedule {
  requireRate("peak", peak);
  requireRate("final", final);
  requireSteps(steps, 1);
  return (step) => final + ((peak - final) * (1 + Math.cos((Math.PI * Math.min(step, steps)) / steps))) / 2;
}

/** Linear rise, (step + 1) / steps of the rate that follows at its beginning, and then that schedule. */
export function warmupSchedule({ steps, followedBy }: WarmupScheduleOptions): LearningRateSchedule {
  requireSteps(steps, 0);
  const after = typeof followedBy === "number" ? constantSchedule(followedBy) : followedBy;
  return (step) => (step < steps ? (after(0) * (step + 1)) / steps : after(step - steps));
}

function requireRate(name: string, rate: number): void {
  if (!(rate >= 0 && rate < Infinity)) {
    throw new ArgumentError(`A learning-rate schedule's ${name} must be finite and >= 0, got ${rate}.`, name, rate);
  }
}

function requireSteps(steps: number, least: number): void {
  if (!Number.isSafeInteger(steps) || steps < least) {
    throw new ArgumentError(
      `A learning-rate schedule's steps must be a whole number >= ${least}, got ${steps}.`,
      "steps",
      steps,
    );
  }
}
