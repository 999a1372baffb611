import { constructEnv, type DDTensor, type Environment, type OutputType, Trigonometric } from "@diffusiongym/core";
import type { PolicyMethodOptions, ResidualPolicy } from "@diffusiongym/methods";
import { StochasticGradientDescent } from "@diffusiongym/nn";
import { QuadraticReward } from "@diffusiongym/toy";
import { GaussianModel } from "../support/gaussian-model.js";
import { lineNetwork, residualPolicy } from "../support/policies.js";

export const lambda = 0.7;
export const n = 8;

export interface GradientProblem {
  readonly environment: Environment;
  readonly policy: ResidualPolicy;
}

/** A policy of two parameters, away from the base model, on a path that is not linear. */
export function gradientProblem(outputType: OutputType): GradientProblem {
  const model = new GaussianModel({ mean: 0.4, deviation: 0.6, outputType, scheduler: new Trigonometric() });
  const environment = constructEnv(model, new QuadraticReward({ center: [1] }), { steps: 4, rewardScale: lambda });
  const policy = residualPolicy(model, { definition: lineNetwork() });
  policy.parameters.data.set([0.2, -0.3]);
  return { environment, policy };
}

/** Paths made by core alone, as double-precision columns. */
export interface Recorded {
  readonly rewards: readonly number[];
  /** x_0 ... x_N. */
  readonly states: readonly (readonly number[])[];
  readonly dts: readonly number[];
}

export async function record({ environment, policy }: GradientProblem, seed = 3): Promise<Recorded> {
  const sample = await environment.withPolicies({ policy }).sample(n, { seed, indexOffset: n, record: "all" });
  const times = environment.timesteps;
  return {
    rewards: Array.from(sample.rewards),
    states: sample.trajectory.map((x) => Array.from(x.data)),
    dts: Array.from({ length: environment.steps }, (_, k) => times[k + 1]! - times[k]!),
  };
}

/** log p(x_{k+1} | x_k) without the constant, and u, of every step and path, under the policy and under the base model. */
export async function judgeSteps(
  { environment, policy }: GradientProblem,
  { states, dts }: Recorded,
  trajectory: readonly DDTensor[],
): Promise<{ log: number[][]; base: number[][]; u: number[][]; deviations: number[] }> {
  const log: number[][] = [];
  const base: number[][] = [];
  const u: number[][] = [];
  const deviations: number[] = [];
  for (const [k, dt] of dts.entries()) {
    const t = new Float32Array(n).fill(environment.timesteps[k]!);
    const sigma = (environment.diffusion(t) as Float64Array)[0]!;
    const led = (await environment.withPolicies({ policy }).drift(trajectory[k]!, t, {})).drift.data;
    const plain = (await environment.drift(trajectory[k]!, t, {})).drift.data;
    const density = (drift: Float32Array): number[] =>
      states[k + 1]!.map((next, i) => -((next - states[k]![i]! - dt * drift[i]!) ** 2) / (2 * sigma ** 2 * dt));
    deviations.push(sigma * Math.sqrt(dt));
    log.push(density(led));
    base.push(density(plain));
    u.push(Array.from(led, (value, i) => (value - plain[i]!) / sigma));
  }
  return { log, base, u, deviations };
}

/** Central differences of a loss by the two parameters. */
export async function slopesOf(policy: ResidualPolicy, step: number, loss: () => Promise<number>): Promise<number[]> {
  const slopes: number[] = [];
  for (const index of [0, 1]) {
    const { data } = policy.parameters;
    const value = data[index]!;
    data[index] = value + step;
    const above = await loss();
    data[index] = value - step;
    slopes.push((above - (await loss())) / (2 * step));
    data[index] = value;
  }
  return slopes;
}

/** An optimizer that remembers the parameters and gradients of every update, and moves every parameter by the same amount. */
export function recordingOptimizer(learningRate: number) {
  const seen: { parameters: Float32Array; gradients: Float32Array }[] = [];
  const optimizer: NonNullable<PolicyMethodOptions["optimizer"]> = (parameters) => {
    const inner = new StochasticGradientDescent(parameters, { learningRate });
    const update = inner.update.bind(inner);
    inner.update = (gradients) => {
      seen.push({ parameters: parameters.data.slice(), gradients: gradients.data.slice() });
      gradients.data.set(gradients.data.map(Math.sign));
      update(gradients);
    };
    return inner;
  };
  return { seen, optimizer };
}
