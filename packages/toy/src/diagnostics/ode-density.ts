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
  const points = new Float64Array(count * d);
  const logDensities = new Float64Array(count);
  for (let i = 0; i < count; i++) {
    const stream = streams.at(i);
    for (let a = 0; a < d; a++) {
      const z = stream.normal();
      points[i * d + a] = z;
      logDensities[i]! -= 0.5 * (z * z + Math.log(2 * Math.PI));
    }
  }
  let state: State = { points, logDensities };
  for (let k = 0; k < steps; k++) {
    const t = startTime + ((1 - startTime) * k) / steps;
    const next = startTime + ((1 - startTime) * (k + 1)) / steps;
    state = await (k === steps - 1 ? midpointStep : rungeKuttaStep)(field, state, t, next - t);
    if (!state.points.every(Number.isFinite) || !state.logDensities.every(Number.isFinite)) {
      throw new NonFiniteError(
        `odeSamples: the flow became infinite or NaN at step ${k} (t = ${next.toFixed(3)}); take more steps, or look at the field.`,
        "velocity field",
        undefined,
        k,
      );
    }
  }
  return state;
}

type State = OdeSamples;

async function rungeKuttaStep(field: VelocityField, state: State, t: number, dt: number): Promise<State> {
  const first = await slope(field, state.points, t);
  const second = await slope(field, moved(state, first, dt / 2).points, t + dt / 2);
  const third = await slope(field, moved(state, second, dt / 2).points, t + dt / 2);
  const fourth = await slope(field, moved(state, third, dt).points, t + dt);
  const mean = (pick: (part: State) => Float64Array): Float64Array =>
    pick(first).map((value, j) => (value + 2 * pick(second)[j]! + 2 * pick(third)[j]! + pick(fourth)[j]!) / 6);
  return moved(state, { points: mean((part) => part.points), logDensities: mean((part) => part.logDensities) }, dt);
}

async function midpointStep(field: VelocityField, state: State, t: number, dt: number): Promise<State> {
  const first = await slope(field, state.points, t);
  return moved(state, await slope(field, moved(state, first, dt / 2).points, t + dt / 2), dt);
}

function moved(state: State, slopes: State, dt: number): State {
  return {
    points: state.points.map((value, j) => value + dt * slopes.points[j]!),
    logDensities: state.logDensities.map((value, j) => value + dt * slopes.logDensities[j]!),
  };
}

async function slope(field: VelocityField, x: Float64Array, t: number): Promise<State> {
  const velocity = await field.velocity(x, t);
  const divergence = (await field.divergence?.(x, t)) ?? (await differenceDivergence(field, x, t));
  return { points: velocity, logDensities: divergence.map((value) => -value) };
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
