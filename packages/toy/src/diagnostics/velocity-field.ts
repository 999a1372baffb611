import {
  constantNoise,
  DDTensor,
  Environment,
  type MaybePromise,
  type NoConditioning,
  Tensor,
} from "@diffusiongym/core";
import { type GaussianMixture, type PathScheduler, pathPoint } from "../mixture/index.js";

/** A velocity field dx/dt = v(x, t) whose flow carries noise at t = 0 to data at t = 1. */
export interface VelocityField {
  /** Coordinates of a point. */
  readonly dimension: number;
  /** v of each row of x, `[n, d]`. */
  velocity(x: Float64Array, t: number): MaybePromise<Float64Array>;
  /** Divergence of v at each row, `[n]`; without it central differences of `velocity` are taken. */
  divergence?(x: Float64Array, t: number): MaybePromise<Float64Array>;
  /** Step of the central differences. @default 1e-3 */
  readonly differenceStep?: number;
}

/** The exact velocity of a mixture, with its exact divergence. */
export function mixtureField(mixture: GaussianMixture, scheduler: PathScheduler): VelocityField {
  return {
    dimension: mixture.dimension,
    velocity: (x, t) => mixture.at(pathPoint(scheduler, t)).output("velocity", x),
    divergence: (x, t) => mixture.at(pathPoint(scheduler, t)).divergence("velocity", x),
  };
}

/**
 * The velocity of an environment's adapted model, whatever its output type: the drift of its probability-flow ODE, with the
 * policies that are set. Computed in 32 bits, so the divergence is taken over differences of 3e-3.
 * @param dimension coordinates of a point
 */
export function environmentField(environment: Environment<DDTensor, NoConditioning>, dimension: number): VelocityField {
  const { baseModel, reward, rewardScale, timesteps } = environment;
  const flow = new Environment(baseModel, reward, {
    noiseSchedule: constantNoise(0),
    rewardScale,
    timeGrid: Array.from(timesteps),
  });
  flow.policy = environment.policy;
  flow.controlPolicy = environment.controlPolicy;
  return {
    dimension,
    differenceStep: 3e-3,
    velocity: async (x, t) => {
      const n = x.length / dimension;
      const batch = new DDTensor(new Tensor(Float32Array.from(x), [n, dimension]));
      const { drift } = await flow.drift(batch, new Float32Array(n).fill(t), {});
      return Float64Array.from(drift.data);
    },
  };
}
