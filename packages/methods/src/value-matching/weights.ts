import { ArgumentError, type Scheduler, type SchedulerLike } from "@diffusiongym/core";

/** Weight of the regression at time t: the same everywhere, 1 / (1 + 1/2 int_t^1 sigma^2), or a function of t. */
export type ValueWeighting = "uniform" | "variance" | ((t: number) => number);

/**
 * Weights at the times of the grid.
 *
 * `"variance"` divides by one plus half the noise still to come, 1/2 int_t^1 sigma_ml^2 = int_t^1 eta, the weighting of
 * the Python reference; for the linear path the integral is -ln t - 1 + t.
 *
 * @param times t_0 ... t_N
 * @throws ArgumentError when a weight is not finite and >= 0
 */
export function valueWeights(
  weighting: ValueWeighting,
  times: ArrayLike<number>,
  scheduler: SchedulerLike,
): Float64Array {
  const weights =
    typeof weighting === "function"
      ? Float64Array.from(times, weighting)
      : weighting === "uniform"
        ? new Float64Array(times.length).fill(1)
        : Float64Array.from(times, (t) => 1 / (1 + noiseToCome(scheduler, t)));
  const bad = weights.findIndex((weight) => !(weight >= 0 && weight < Number.POSITIVE_INFINITY));
  if (bad >= 0) {
    throw new ArgumentError(
      `The weight at t = ${times[bad]} is ${weights[bad]}; weights are finite and >= 0.`,
      "weights",
      weights[bad],
    );
  }
  return weights;
}

/** int_t^1 eta(s) ds by Gauss-Legendre on panels that are even in log s, because eta grows like 1/s towards 0. */
function noiseToCome(scheduler: SchedulerLike, t: number): number {
  const eta = (s: number): number => {
    const value = scheduler.evaluate((part: Scheduler, time) => part.eta(time), s);
    return typeof value === "number" ? value : Math.max(...Object.values(value));
  };
  const panels = 64;
  let sum = 0;
  for (let k = 0; k < panels; k++) {
    const a = t ** (1 - k / panels);
    const b = t ** (1 - (k + 1) / panels);
    for (const [node, weight] of gaussLegendre3) {
      sum += (weight * (b - a) * eta((a + b) / 2 + (node * (b - a)) / 2)) / 2;
    }
  }
  return sum;
}

const gaussLegendre3: readonly (readonly [number, number])[] = [
  [-Math.sqrt(0.6), 5 / 9],
  [0, 8 / 9],
  [Math.sqrt(0.6), 5 / 9],
];
