import {
  type ControlPolicy,
  type DDTensor,
  Environment,
  OptimalTransport,
  type PolicyStep,
  type ValueFunction,
  ValuePolicy,
  ZeroReward,
} from "@diffusiongym/core";
import { describe, expect, it } from "vitest";
import { expectAllClose } from "../../../../tooling/test/close.js";
import { GaussianModel } from "../support/gaussian-model.js";
import { points } from "../support/subjects.js";

const scheduler = new OptimalTransport();
const steps = 4;

function environmentOf(model = new GaussianModel({ template: points, scheduler })): Environment {
  return new Environment(model, new ZeroReward(), { steps });
}

/** A value function that writes down where its gradient was asked for. */
function recording(): { value: ValueFunction; asked: { x: DDTensor; t: number }[] } {
  const asked: { x: DDTensor; t: number }[] = [];
  const value: ValueFunction = {
    value: (x) => new Float32Array(x.length),
    gradient: (x, t) => {
      asked.push({ x, t: t[0]! });
      return x.scale(0.1);
    },
  };
  return { value, asked };
}

describe("ValuePolicy", () => {
  it("asks for the gradient at the state, or with look-ahead at the end of the base step", async () => {
    for (const lookAhead of [false, true]) {
      const { value, asked } = recording();
      const environment = environmentOf();
      const controlled = environment.withPolicies({ controlPolicy: new ValuePolicy({ value, scheduler, lookAhead }) });
      const { trajectory, timesteps, runningCosts } = await controlled.sample(2, { seed: 3, record: "all" });
      expect(asked).toHaveLength(steps);
      for (const [k, { x, t }] of asked.entries()) {
        const state = trajectory[k]!;
        const dt = timesteps[k + 1]! - timesteps[k]!;
        const { drift } = await environment.drift(state, new Float32Array(2).fill(timesteps[k]!), {});
        const at = lookAhead ? state.linearCombination(1, [[dt, drift]]) : state;
        expectAllClose(x.data, at.data, { relative: 1e-6, absolute: 1e-6 });
        expect(t).toBeCloseTo(lookAhead ? timesteps[k + 1]! : timesteps[k]!, 6);
        // The control itself belongs to the start of the step: u = -sigma(t_k) grad V.
        const sigma = scheduler.sigmaMemoryless(timesteps[k]!);
        const expected = at.squaredNorm().map((norm) => ((0.1 * sigma) ** 2 * norm) / 2);
        expectAllClose(runningCosts.data.slice(2 * k, 2 * k + 2), expected, { relative: 1e-5 });
      }
    }
  });

  it("with look-ahead refuses a step without length", async () => {
    const { value } = recording();
    const policy = new ValuePolicy({ value, scheduler, lookAhead: true });
    const x = points(2).onesLike();
    const t = Float32Array.of(0.5, 0.5);
    await expect(policy.control(x, t, {})).rejects.toThrowError(/lookAhead needs the length of the step/);
    const controlled = environmentOf().withPolicies({ controlPolicy: policy });
    await expect(controlled.drift(x, t, {})).rejects.toThrowError(/set lookAhead: false/);
  });
});

describe("the step that policies see", () => {
  it("has its number, time and length, and the base output and drift, computed once", async () => {
    let forwards = 0;
    class Counting extends GaussianModel<DDTensor> {
      override forward(x: DDTensor, t: Float32Array): DDTensor {
        forwards++;
        return super.forward(x, t, {});
      }
    }
    const environment = environmentOf(new Counting({ template: points, scheduler }));
    const seen: Pick<PolicyStep<DDTensor>, "index" | "time" | "dt">[] = [];
    const controlPolicy: ControlPolicy = {
      control: async (x, _t, _conditioning, step) => {
        seen.push({ index: step.index, time: step.time, dt: step.dt });
        const [output, again, drift] = await Promise.all([step.baseOutput(), step.baseOutput(), step.baseDrift()]);
        expect(again).toBe(output);
        // Velocity, memoryless: b = 2 v - kappa x.
        const expected = output.linearCombination(2, [[-scheduler.kappa(step.time), x]]);
        expectAllClose(drift.data, expected.data, { relative: 1e-6, absolute: 1e-6 });
        return x.zerosLike();
      },
    };
    const policy = {
      forward: async (_x: DDTensor, _t: Float32Array, _c: object, step: PolicyStep<DDTensor>) => step.baseOutput(),
    };
    const sample = await environment.withPolicies({ policy, controlPolicy }).sample(2, { seed: 1 });
    const { timesteps } = sample;
    expect(forwards).toBe(steps);
    expect(seen).toEqual(
      Array.from({ length: steps }, (_, index) => ({
        index,
        time: timesteps[index],
        dt: timesteps[index + 1]! - timesteps[index]!,
      })),
    );
    expect(Array.from(sample.latent.data)).toEqual(Array.from((await environment.sample(2, { seed: 1 })).latent.data));
    expect(Array.from(sample.pathCosts)).toEqual([0, 0]);
  });

  it("any base model is a policy", async () => {
    const other = new GaussianModel({ template: points, scheduler, mean: -1 });
    const adapted = environmentOf().withPolicies({ policy: other });
    const [a, b] = [await adapted.sample(3, { seed: 2 }), await environmentOf(other).sample(3, { seed: 2 })];
    expect(Array.from(a.latent.data)).toEqual(Array.from(b.latent.data));
    expect(a.pathCosts.every((cost) => cost > 0)).toBe(true);
    expect(b.pathCosts.every((cost) => cost === 0)).toBe(true);
  });

  it("withPolicies leaves the environment as it was, and can take policies away", async () => {
    const environment = environmentOf();
    const policy = new GaussianModel({ template: points, scheduler, mean: -1 });
    const adapted = environment.withPolicies({ policy });
    expect(environment.policy).toBeUndefined();
    expect(adapted.policy).toBe(policy);
    expect(adapted.withPolicies({}).policy).toBeUndefined();
    expect(adapted).toBeInstanceOf(Environment);
    expect(adapted.timesteps).toBe(environment.timesteps);
  });
});
