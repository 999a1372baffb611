import { TimeGridError } from "../errors/index.js";
import type { NoiseSchedule } from "./noise-schedule.js";
import type { Scheduler, SchedulerLike } from "./scheduler.js";
import { timeGrid } from "./time-grid.js";

/** What `checkGrid` looks at. */
export interface GridCheckOptions {
  /** The times t_0 ... t_N, as `timeGrid` gives them. */
  readonly grid: ArrayLike<number>;
  /** The scheduler, or one a part. */
  readonly scheduler: SchedulerLike;
  /** The noise of the sampling process. */
  readonly noise: NoiseSchedule;
  /** Accept a first step that amplifies the state, for comparisons. @default false */
  readonly allowExpansiveGrid?: boolean;
}

/**
 * Refuses a grid whose first Euler-Maruyama step is expansive. A state that is still noise has score -x, so near the
 * start the drift is about -rho kappa x with rho = sigma^2 / (2 eta), 1 for memoryless noise, and the step multiplies
 * the state by 1 - Delta_0 rho kappa(t_0). Beyond -1 the state grows however good the model is. For the linear path with
 * memoryless noise the condition is Delta_0 > 2 t_0.
 * @throws TimeGridError with the numbers and a grid that would do
 * @throws SingularCoefficientError when a coefficient is infinite at t_0
 */
export function checkGrid({ grid, scheduler, noise, allowExpansiveGrid = false }: GridCheckOptions): void {
  const start = grid[0]!;
  const step = grid[1]! - start;
  const rates = scheduler.evaluate((part, t) => contractionRate(part, noise, t), start);
  if (allowExpansiveGrid) {
    return;
  }
  for (const [part, rate] of typeof rates === "number" ? [["", rates] as const] : Object.entries(rates)) {
    // The interior grid has Delta_0 = t_0 to rounding, and must not be refused for its last bit.
    if (step * rate > 2 + 1e-9) {
      const multiplier = 1 - step * rate;
      const steps = grid.length - 1;
      throw new TimeGridError(
        `The first Euler-Maruyama step, from t_0 = ${short(start)} by ${short(step)}, multiplies the state by ${short(multiplier)}` +
          `${part === "" ? "" : ` in part "${part}"`}: |1 - Delta_0 kappa(t_0)| > 1 (kappa = ${short(rate)}), so the rollout starts by blowing up. ` +
          `${remedy(scheduler, noise, steps)} or pass allowExpansiveGrid: true to run it all the same.`,
        Array.from(grid),
      );
    }
  }
}

/** rho kappa, and 0 for the ODE, whose first step has no such factor. */
function contractionRate(scheduler: Scheduler, noise: NoiseSchedule, t: number): number {
  if (noise.isMemoryless) {
    return scheduler.kappa(t);
  }
  const sigma = noise.sigma(t, scheduler);
  return sigma === 0 ? 0 : (sigma ** 2 / (2 * scheduler.eta(t))) * scheduler.kappa(t);
}

function remedy(scheduler: SchedulerLike, noise: NoiseSchedule, steps: number): string {
  const worst = (t: number): number => {
    const rates = scheduler.evaluate((part, time) => contractionRate(part, noise, time), t);
    return typeof rates === "number" ? rates : Math.max(...Object.values(rates));
  };
  const interior = timeGrid("interior", steps);
  if ((interior[1]! - interior[0]!) * worst(interior[0]!) <= 2 + 1e-9) {
    return `Use the "interior" grid, take more steps,`;
  }
  // The largest rate is near 0, so the smallest uniform start that works is found by walking up the interior times.
  const start = Array.from(interior).find((t) => t < 1 && ((1 - t) / steps) * worst(t) <= 2);
  return start === undefined
    ? "Take more steps,"
    : `Start a uniform grid later, for example at t_0 = ${Math.ceil(start * 1e4) / 1e4},`;
}

function short(value: number): string {
  return String(Number(value.toPrecision(4)));
}
