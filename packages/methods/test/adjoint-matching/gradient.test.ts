import {
  constructEnv,
  type DDTensor,
  type Environment,
  type OutputType,
  outputTypes,
  Trigonometric,
} from "@diffusiongym/core";
import { AdjointMatching, ancestralKernel, type ResidualPolicy } from "@diffusiongym/methods";
import { QuadraticReward } from "@diffusiongym/toy";
import { describe, expect, it } from "vitest";
import { GaussianModel } from "../support/gaussian-model.js";
import { lineNetwork, residualPolicy } from "../support/policies.js";

const lambda = 0.7;
const n = 8;

function problem(outputType: OutputType): { environment: Environment; model: GaussianModel; policy: ResidualPolicy } {
  const model = new GaussianModel({ mean: 0.4, deviation: 0.6, outputType, scheduler: new Trigonometric() });
  const environment = constructEnv(model, new QuadraticReward({ center: [1] }), { steps: 4, rewardScale: lambda });
  const policy = residualPolicy(model, { definition: lineNetwork() });
  policy.parameters.data.set([0.2, -0.3]);
  return { environment, model, policy };
}

/** u = (drift of the policy - drift of the base model) / sigma, through core. */
async function control(
  environment: Environment,
  policy: ResidualPolicy,
  x: DDTensor,
  t: Float32Array,
): Promise<DDTensor> {
  const led = await environment.withPolicies({ policy }).drift(x, t, {});
  const base = await environment.drift(x, t, {});
  const sigma = environment.diffusion(t) as Float64Array;
  return led.drift.sub(base.drift).scale(sigma.map((value) => 1 / value));
}

/** Steps of a loss written out from METHODS 1.2 with core's rollout and drifts; the Jacobian of a linear drift is a slope. */
async function terms(outputType: OutputType): Promise<{ x: DDTensor; t: Float32Array; dt: number; pull: DDTensor }[]> {
  const { environment, policy } = problem(outputType);
  const sample = await environment.withPolicies({ policy }).sample(n, { seed: 3, indexOffset: n, record: "all" });
  // r = -1/2 (x - 1)^2, so a_N = -lambda grad r = lambda (x_N - 1).
  let adjoint = sample.latent.sub(1).mul(lambda);
  const steps = [];
  for (let k = environment.steps - 1; k >= 0; k--) {
    const x = sample.trajectory[k]!;
    const dt = environment.timesteps[k + 1]! - environment.timesteps[k]!;
    const t = new Float32Array(n).fill(environment.timesteps[k]!);
    const sigma = (environment.diffusion(t) as Float64Array)[0]!;
    steps.push({ x, t, dt, pull: adjoint.mul(sigma) });
    const ahead = (await environment.drift(x.add(0.5), t, {})).drift;
    const behind = (await environment.drift(x.sub(0.5), t, {})).drift;
    adjoint = adjoint.add(ahead.sub(behind).mul(adjoint).mul(dt));
  }
  return steps;
}

describe("the loss and its gradient", () => {
  it.each(outputTypes)(
    "%s: sum dt/2 mean |u + sigma a|^2, with the gradient that differences show",
    async (outputType) => {
      const { environment, policy } = problem(outputType);
      const method = new AdjointMatching({
        environment,
        policy,
        batchSize: n,
        iterations: 1,
        seed: 3,
        maxGradientNorm: 1e9,
        rowsAtOnce: 2 * n,
      });
      const steps = await terms(outputType);
      const fresh = problem(outputType);
      const loss = async (): Promise<number> => {
        let sum = 0;
        for (const { x, t, dt, pull } of steps) {
          const miss = (await control(fresh.environment, fresh.policy, x, t)).add(pull).squaredNorm();
          sum += (dt / 2 / n) * miss.reduce((total, value) => total + value, 0);
        }
        return sum;
      };
      const expected = await loss();
      const slopes: number[] = [];
      for (const index of [0, 1]) {
        const { data } = fresh.policy.parameters;
        const value = data[index]!;
        data[index] = value + 1e-2;
        const above = await loss();
        data[index] = value - 1e-2;
        slopes.push((above - (await loss())) / 2e-2);
        data[index] = value;
      }
      const metrics = await method.iterate();
      expect(Math.abs(metrics.loss! - expected)).toBeLessThan(1e-4 * expected);
      slopes.forEach((slope, index) => {
        expect(Math.abs(policy.gradients.data[index]! - slope)).toBeLessThan(2e-3 * Math.max(1, Math.abs(slope)));
      });
    },
  );

  it("the terms of a loss of few steps sum to the whole on average", async () => {
    const whole = problem("velocity");
    const full = await new AdjointMatching({ ...whole, batchSize: n, iterations: 1, seed: 3 }).iterate();
    let sum = 0;
    // The choice depends on the iteration, the rollout on its index: the same rollout under many choices.
    const repeats = 60;
    for (let k = 0; k < repeats; k++) {
      const { environment, policy } = problem("velocity");
      const method = new AdjointMatching({ environment, policy, batchSize: n, iterations: 1, seed: 3, lossSteps: 2 });
      Object.defineProperty(method, "key", {
        value: (purpose: string) =>
          Object.getPrototypeOf(Object.getPrototypeOf(method)).key.call(method, `${purpose}${k}`),
      });
      sum += (await method.iterate()).loss!;
    }
    expect(Math.abs(sum / repeats - full.loss!)).toBeLessThan(0.15 * full.loss!);
  });

  it("the ancestral kernel matches the shift of its own mean, and leaves out the step without variance", async () => {
    const { environment, policy } = problem("velocity");
    const method = new AdjointMatching({ environment, policy, batchSize: n, iterations: 1, kernel: ancestralKernel() });
    await method.validate();
    const metrics = await method.iterate();
    expect(metrics.loss!).toBeGreaterThan(0);
    expect(Number.isFinite(metrics.grad_norm!)).toBe(true);
  });
});
