import { ArgumentError, SingularCoefficientError } from "../errors/index.js";
import type { Scheduler } from "./scheduler.js";
import type { NoiseScheduleSpec } from "./spec.js";

/** The diffusion coefficient sigma(t) of the sampling process dX = b dt + sigma dB. */
export interface NoiseSchedule {
  /**
   * sigma at t, >= 0; 0 is the probability-flow ODE.
   * @throws SingularCoefficientError where it is infinite
   */
  sigma(t: number, scheduler: Scheduler): number;
  /** True when sigma is sqrt(2 eta), for which x_0 and x_1 are independent. */
  readonly isMemoryless: boolean;
  /** What `noiseScheduleFromSpec` builds an equal one from; plain JSON. */
  spec(): NoiseScheduleSpec;
}

/** sigma = sqrt(2 eta), for which the optimally controlled process has exactly the tilted law at t = 1. */
export function memorylessNoise(): NoiseSchedule {
  return {
    sigma: (t, scheduler) => scheduler.sigmaMemoryless(t),
    isMemoryless: true,
    spec: () => ({ type: "memoryless" }),
  };
}

/**
 * The same sigma at all times; 0 is the probability-flow ODE.
 * @throws ArgumentError unless sigma is finite and >= 0
 */
export function constantNoise(sigma: number): NoiseSchedule {
  requireLevel("constant", "sigma", sigma);
  return { sigma: () => sigma, isMemoryless: false, spec: () => ({ type: "constant", sigma }) };
}

/**
 * sigma = a sqrt(eta), that is a / sqrt 2 times the memoryless noise: a = sqrt 2 is memoryless, a = 0 the ODE.
 * @throws ArgumentError unless a is finite and >= 0
 */
export function scaledMemorylessNoise(a: number): NoiseSchedule {
  requireLevel("scaledMemoryless", "a", a);
  const isMemoryless = a === Math.SQRT2;
  return {
    sigma: (t, scheduler) => (a === 0 ? 0 : (isMemoryless ? 1 : a / Math.SQRT2) * scheduler.sigmaMemoryless(t)),
    isMemoryless,
    spec: () => ({ type: "scaled-memoryless", a }),
  };
}

/**
 * A sigma of one's own.
 * @param sigma a function of t and the scheduler with finite values >= 0
 * @param name shown in errors and in `spec`, which cannot hold the function
 * @default name "custom"
 */
export function customNoise(sigma: (t: number, scheduler: Scheduler) => number, name = "custom"): NoiseSchedule {
  return {
    sigma(t, scheduler) {
      const value = sigma(t, scheduler);
      if (!(value >= 0 && value < Number.POSITIVE_INFINITY)) {
        throw new SingularCoefficientError(
          `Noise schedule "${name}": sigma(${t}) is ${String(value)}; it must be finite and >= 0.`,
          "sigma",
          t,
        );
      }
      return value;
    },
    isMemoryless: false,
    spec: () => ({ type: "custom", name }),
  };
}

function requireLevel(where: string, argument: string, value: number): void {
  if (!(Number.isFinite(value) && value >= 0)) {
    throw new ArgumentError(`${where}: ${argument} must be finite and >= 0, got ${String(value)}.`, argument, value);
  }
}
