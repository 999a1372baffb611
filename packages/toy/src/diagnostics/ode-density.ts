import { ArgumentError, NonFiniteError, type SampleStreams } from "@diffusiongym/core";
import type { VelocityField } from "./velocity-field.js";

/** Options of {@link odeSamples}. */
export interface OdeOptions {
  /** One random stream a sample, for the starting points. */
  readonly streams: SampleStreams;
  /** Number of samples. @default 4000 */
  readonly count?: number;
  /** Steps of the fourth-order Runge-Kutta method. @default 100 */
  readonly steps?: number;
  /**
   * Time at which the flow starts from N(0, I). METHODS 4.4: at most 0.001, because N(0, I) is the law of x_t only at t = 0;
   * a start at 0.02 scores the exact field 5 % too low.
   * @default 0.001
   */
  readonly startTime?: number;
}

/** Samples of a flow with their log-densities. */
export interface OdeSamples {
  /** `[n, d]`. */
  readonly points: Float64Array;
  /** log p(x) of each point under the flow's law, `[n]`. */
  readonly logDensities: Float64Array;
}

/**
 * Draws from the flow of a velocity field and follows the log-density along, d log p / dt = -div v. The last step is taken by
 * the midpoint rule, so that the field is never evaluated at t = 1, where some models are singular.
 * @throws NonFiniteError when the flow leaves the numbers
 */
export async function odeSamples(field: VelocityField, options: OdeOptions): Promise<OdeSamples> {
  const { streams, count = 4000, steps = 100, startTime = 0.001 } = options;
  if (!Number.isInteger(steps) || steps < 1) {
    throw new ArgumentError(`steps must be a whole number from 1 on, got ${steps}.`, "steps", steps);
  }
  if (!(startTime >= 0 && startTime < 1)) {
    throw new ArgumentError(`startTime must be in [0, 1), got ${startTime}.`, "startTime", startTime);
  }
  const d = field.dimension;
  // One array for both: count points, then their log-densities.
  let state = new Float64Array(count * (d + 1));
  for (let i = 0; i < count; i++) {
    const stream = streams.at(i);
    for (let a = 0; a < d; a++) {
      const z = stream.normal();
      state[i * d + a] = z;
      state[count * d + i]! -= 0.5 * (z * z + Math.log(2 * Math.PI));
    }
  }
  const slope = async (at: Float64Array, t: number): Promise<Float64Array> => {
    const x = at.slice(0, count * d);
    const slopes = new Float64Array(at.length);
    slopes.set(await field.velocity(x, t));
    const divergence = (await field.divergence?.(x, t)) ?? (await differenceDivergence(field, x, t));
    slopes.set(
      divergence.map((value) => -value),
      count * d,
    );
    return slopes;
  };
  for (let k = 0; k < steps; k++) {
    const t = startTime + ((1 - startTime) * k) / steps;
    const dt = (1 - startTime) / steps;
    const first = await slope(state, t);
    const second = await slope(moved(state, dt / 2, first), t + dt / 2);
    if (k === steps - 1) {
      state = moved(state, dt, second);
    } else {
      const third = await slope(moved(state, dt / 2, second), t + dt / 2);
      const fourth = await slope(moved(state, dt, third), t + dt);
      state = state.map((value, j) => value + (dt / 6) * (first[j]! + 2 * second[j]! + 2 * third[j]! + fourth[j]!));
    }
    if (!state.every(Number.isFinite)) {
      throw new NonFiniteError(
        `odeSamples: the flow became infinite or NaN at step ${k} (t = ${t.toFixed(3)}); take more steps, or look at the field.`,
        "velocity field",
        undefined,
        k,
      );
    }
  }
  return { points: state.slice(0, count * d), logDensities: state.slice(count * d) };
}

function moved(state: Float64Array<ArrayBuffer>, dt: number, slopes: Float64Array): Float64Array<ArrayBuffer> {
  return state.map((value, j) => value + dt * slopes[j]!);
}

async function differenceDivergence(field: VelocityField, x: Float64Array, t: number): Promise<Float64Array> {
  const { dimension: d, differenceStep: step = 1e-3 } = field;
  const divergence = new Float64Array(x.length / d);
  for (let a = 0; a < d; a++) {
    const shifted = (by: number): Float64Array => x.map((value, j) => (j % d === a ? value + by : value));
    const up = await field.velocity(shifted(step), t);
    const down = await field.velocity(shifted(-step), t);
    for (let i = 0; i < divergence.length; i++) {
      divergence[i]! += (up[i * d + a]! - down[i * d + a]!) / (2 * step);
    }
  }
  return divergence;
}
