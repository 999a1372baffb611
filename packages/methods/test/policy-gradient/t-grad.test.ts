import { constructEnv, DDTensor, type NoConditioning } from "@diffusiongym/core";
import {
  DDPO,
  eulerMaruyamaKernel,
  FlowGRPO,
  LogVariance,
  type PolicyCotangents,
  type PolicyMethodOptions,
  type PolicyRegression,
  Reinforce,
  type TrainablePolicy,
  transitionsAlong,
} from "@diffusiongym/methods";
import { Parameters } from "@diffusiongym/nn";
import { LinearReward } from "@diffusiongym/toy";
import { describe, expect, it } from "vitest";
import { GaussianModel } from "../support/gaussian-model.js";
import { recordingOptimizer } from "./losses.js";

const lambda = 0.8;
const steps = 5;
const model = new GaussianModel({ mean: 0.3, deviation: 0.7 });
const environment = constructEnv(model, new LinearReward(), { steps, rewardScale: lambda });
const transitions = transitionsAlong(eulerMaruyamaKernel(environment.noiseSchedule), model, environment.timesteps);
const start = [0.3, -0.2, 0.25, 0.4, -0.1];

/** One parameter a step: a control that is the same at every state, u_k = theta_k. */
class ControlPerStep implements TrainablePolicy<DDTensor, NoConditioning> {
  readonly outputType = "velocity";
  readonly isDifferentiable = false;
  readonly parameters = new Parameters([{ name: "u", shape: [steps] }]);
  readonly gradients = new Parameters([{ name: "u", shape: [steps] }]);

  constructor() {
    this.parameters.data.set(start);
  }

  async forward(x: DDTensor, t: Float32Array): Promise<DDTensor> {
    const shifts = Float32Array.from(t, (time) => unit(time) * this.parameters.data[stepOf(time)]!);
    return model.forward(x, t).add(DDTensor.from(shifts, [t.length, 1]));
  }

  async backward({ x, t, cotangents, accumulate }: PolicyCotangents<DDTensor, NoConditioning>) {
    if (!accumulate) {
      this.gradients.data.fill(0);
    }
    const sums = new Float64Array(steps);
    t.forEach((time, i) => {
      sums[stepOf(time)]! += unit(time) * cotangents.data[i]!;
    });
    sums.forEach((sum, k) => {
      this.gradients.data[k]! += sum;
    });
    return { output: await this.forward(x, t) };
  }

  async regress(_: PolicyRegression<DDTensor, NoConditioning>): Promise<never> {
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

function stepOf(time: number): number {
  return environment.timesteps.indexOf(time);
}

/** What the output moves by for a unit of u: w = sqrt(dt) u = g / s of it. */
function unit(time: number): number {
  const { deviation, output, dt } = transitions[stepOf(time)]!;
  return ((deviation as number) * Math.sqrt(dt)) / (output as number);
}

/** E[sum dt/2 |u|^2 - lambda x_N]: the base chain is affine, so means follow a recursion. */
function objective(theta: readonly number[]): number {
  let mean = 0;
  let cost = 0;
  for (const [k, transition] of transitions.entries()) {
    const { slope, offset } = model.affine(model.scheduler, transition.from);
    const [state, output] = [transition.state as number, transition.output as number];
    const shift = (transition.deviation as number) * Math.sqrt(transition.dt) * theta[k]!;
    mean = (state + output * slope) * mean + output * offset + shift;
    cost += (transition.dt / 2) * theta[k]! ** 2;
  }
  return cost - lambda * mean;
}

const exact = start.map((_, k) => {
  const moved = (by: number): number[] => start.map((value, j) => (j === k ? value + by : value));
  return (objective(moved(1e-4)) - objective(moved(-1e-4))) / 2e-4;
});

type Made = Pick<PolicyMethodOptions, "optimizer">;
const batchSize = 10_000;

/** Gradients of 20 independent batches, 2e5 paths in all, at the same parameters. */
async function gradients(
  make: (options: Made & { policy: ControlPerStep; seed: number }) => { iterate(): Promise<unknown> },
) {
  const rows: Float32Array[] = [];
  for (let seed = 0; seed < 20; seed++) {
    const { seen, optimizer } = recordingOptimizer(0.01);
    await make({
      optimizer: optimizer as NonNullable<Made["optimizer"]>,
      policy: new ControlPerStep(),
      seed,
    }).iterate();
    rows.push(seen[0]!.gradients);
  }
  return rows;
}

const common = { environment, batchSize, iterations: 1, maxGradientNorm: 1e9, rowsAtOnce: 1e6 };

describe("T-grad: the gradient of a control per step against the exact Gaussian objective", () => {
  it.each([
    ["REINFORCE", 1, (options) => new Reinforce({ ...common, ...options })],
    ["REINFORCE with whole costs", 1, (options) => new Reinforce({ ...common, ...options, toGo: false })],
    // In units of the reward, averaged over the steps.
    ["clipped ratios with KL to go", lambda * steps, (options) => new FlowGRPO({ ...common, ...options })],
    // The gradient of the variance is twice that of the KL.
    ["log-variance", 0.5, (options) => new LogVariance({ ...common, ...options })],
  ] as [string, number, Parameters_<typeof gradients>][])("%s", async (_, factor, make) => {
    const rows = await gradients(make);
    exact.forEach((expected, k) => {
      const values = rows.map((row) => factor * row[k]!);
      const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
      const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (values.length - 1);
      const error = Math.sqrt(variance / values.length);
      expect(Math.abs(mean - expected)).toBeLessThan(4 * error);
      expect(error).toBeLessThan(0.02);
    });
  });

  it("clipped ratios at rho = 1 give what the score function gives, bit for bit", async () => {
    const gradientOf = async (estimator: "importance" | "score"): Promise<number[]> => {
      const { seen, optimizer } = recordingOptimizer(0.01);
      const made = optimizer as NonNullable<Made["optimizer"]>;
      await new DDPO({ ...common, batchSize: 500, optimizer: made, policy: new ControlPerStep(), estimator }).iterate();
      return [...seen[0]!.gradients];
    };
    expect(await gradientOf("importance")).toEqual(await gradientOf("score"));
  });
});

type Parameters_<F extends (make: never) => unknown> = F extends (make: infer M) => unknown ? M : never;
