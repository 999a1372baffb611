import { constructEnv, type DDTensor, type NoConditioning } from "@diffusiongym/core";
import {
  type AdjointIndex,
  AdjointMatching,
  eulerMaruyamaKernel,
  type PolicyCotangents,
  type PolicyRegression,
  type TrainablePolicy,
  transitionsAlong,
} from "@diffusiongym/methods";
import { Parameters } from "@diffusiongym/nn";
import { LinearReward } from "@diffusiongym/toy";
import { describe, expect, it } from "vitest";
import { GaussianModel } from "../support/gaussian-model.js";

/** out = base + a constant for each time: one regression is solved by the means of target - base. */
class ConstantPolicy implements TrainablePolicy<DDTensor, NoConditioning> {
  readonly outputType = "velocity";
  readonly isDifferentiable = false;
  readonly parameters = new Parameters([{ name: "shift", shape: [1] }]);
  readonly gradients = new Parameters([{ name: "shift", shape: [1] }]);
  /** The solution of the last regression, by time. */
  readonly solved = new Map<number, number>();

  constructor(private readonly base: GaussianModel) {}

  async forward(x: DDTensor, t: Float32Array): Promise<DDTensor> {
    return this.base.forward(x, t);
  }

  async regress({ t, targets, reference }: PolicyRegression<DDTensor, NoConditioning>) {
    const shifts = targets.sub(reference!).data;
    for (const time of new Set(t)) {
      const own = Array.from(shifts).filter((_, i) => t[i] === time);
      this.solved.set(time, own.reduce((sum, shift) => sum + shift, 0) / own.length);
    }
    return { loss: 0, output: reference! };
  }

  async backward(_: PolicyCotangents<DDTensor, NoConditioning>): Promise<never> {
    throw new Error("unused");
  }

  async vjp(_: PolicyCotangents<DDTensor, NoConditioning>): Promise<never> {
    throw new Error("unused");
  }

  withParameters(): this {
    return this;
  }

  describe(): null {
    return null;
  }
}

/** lambda_achieved / lambda of the fixed point, for N(0, 1), r = x, on the uniform grid from t = 0.02. */
async function ratio(steps: number, adjointIndex: AdjointIndex): Promise<number> {
  const model = new GaussianModel();
  const environment = constructEnv(model, new LinearReward(), {
    steps,
    timeGrid: "reference",
    allowExpansiveGrid: true,
  });
  const policy = new ConstantPolicy(model);
  await new AdjointMatching({ environment, policy, batchSize: 4, iterations: 1, adjointIndex }).iterate();
  // The tilt of N(0, 1) by lambda x is N(lambda, 1): the mean that the shifts lead to is the ratio.
  let mean = 0;
  for (const transition of transitionsAlong(
    eulerMaruyamaKernel(environment.noiseSchedule),
    model,
    environment.timesteps,
  )) {
    const gain = transition.output as number;
    const factor = (transition.state as number) + gain * model.affine(model.scheduler, transition.from).slope;
    mean = factor * mean + gain * policy.solved.get(transition.from)!;
  }
  return mean;
}

// METHODS 1.2: the adjoint of a linear chain is known, so that one regression gives the fixed point.
describe("T6: the fixed point on N(0, 1) with r = x", () => {
  it.each([
    [10, 1.01, 0.762],
    [20, 1.002, 0.878],
    [40, 1.0005, 0.938],
    [50, 1.0003, 0.95],
    [100, 0.9999, 0.975],
    [200, 0.9997, 0.987],
  ])("in %i steps is %f of lambda with the next adjoint, %f with the current one", async (steps, next, current) => {
    expect(Math.abs((await ratio(steps, "next")) - next)).toBeLessThan(0.001);
    expect(Math.abs((await ratio(steps, "current")) - current)).toBeLessThan(0.001);
  });
});
