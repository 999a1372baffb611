import { type Coefficient, type DiffusionData, scaleCoefficient } from "../data/index.js";
import type { Drift } from "./drift.js";

/** One step that a solver is to take. */
export interface SolverStep<D> {
  /** State at the start of the step. */
  readonly x: D;
  /** Length of the step. */
  readonly dt: number;
  /** sigma at the start of the step. */
  readonly sigma: Coefficient;
  /** Standard normal noise, or undefined where sigma is 0 and no noise was injected. */
  readonly noise: D | undefined;
  /** Drift at the start of the step. */
  readonly drift: Drift<D>;
}

/** Advances the SDE by one step. Stateless, so one object serves every rollout. */
export interface Solver {
  /** Name for specs and messages. */
  readonly name: string;
  /** The state at the end of the step. */
  step<D extends DiffusionData<D>>(step: SolverStep<D>): D;
}

/**
 * Euler-Maruyama: x' = x + dt b(x, t) + sigma(t) sqrt(dt) noise. Strong order 1 here, because the noise is additive;
 * on the interior grid the law of the end state is second-order accurate in practice (METHODS 3).
 */
export const eulerMaruyama: Solver = {
  name: "euler-maruyama",
  step({ x, dt, sigma, noise, drift }) {
    const terms = [[dt, drift.drift] as const];
    if (noise === undefined) {
      return x.linearCombination(1, terms);
    }
    return x.linearCombination(1, [...terms, [scaleCoefficient(sigma, Math.sqrt(dt)), noise] as const]);
  },
};
