import {
  constructEnv,
  DDTensor,
  type Environment,
  isErrorNamed,
  OptimalTransport,
  RandomKey,
} from "@diffusiongym/core";
import { ancestralKernel, drawEndpoints, type RolloutRequest, rollOut } from "@diffusiongym/methods";
import { LinearReward } from "@diffusiongym/toy";
import { describe, expect, it } from "vitest";
import { GaussianModel } from "../support/gaussian-model.js";
import { lineNetwork, residualPolicy } from "../support/policies.js";
import { GaussianRecordModel } from "../support/record-model.js";

const model = new GaussianModel({ mean: 1, deviation: 0.5 });
const environment: Environment = constructEnv(model, new LinearReward(), { steps: 8, rewardScale: 0.6 });
const policy = residualPolicy(model, { definition: lineNetwork() });
policy.parameters.data.set([0.15, 0.4]);
const request = (options: Partial<RolloutRequest<DDTensor, Record<string, never>>> = {}) =>
  rollOut({ environment, policy, n: 64, seed: 5, ...options });

const near = (actual: ArrayLike<number>, expected: ArrayLike<number>, tolerance = 2e-5): void => {
  for (let i = 0; i < expected.length; i++) {
    expect(Math.abs(actual[i]! - expected[i]!)).toBeLessThan(tolerance * Math.max(1, Math.abs(expected[i]!)));
  }
};

describe("a policy's rollout", () => {
  it("is that of the environment with the same seed: states, rewards and costs", async () => {
    const rollout = await request({ indexOffset: 3, keep: ["noises", "outputs", "references"] });
    const sample = await environment.withPolicies({ policy }).sample(64, { seed: 5, indexOffset: 3, record: "all" });
    sample.trajectory.forEach((x, k) => {
      near(rollout.states[k]!.data, x.data);
    });
    near(rollout.rewards, sample.rewards);
    near(rollout.klPath, sample.pathCosts);
    expect([...rollout.noises[2]!.data]).toEqual([...sample.noises[2]!.data]);
    expect(rollout.outputs).toHaveLength(8);
    expect(rollout.references).toHaveLength(8);
    expect((await request()).outputs).toHaveLength(0);
  });

  it("does not depend on how the samples are batched", async () => {
    const whole = await request();
    const [head, tail] = [await request({ n: 40 }), await request({ n: 24, indexOffset: 40 })];
    expect([...whole.latent.data]).toEqual([...head.latent.data, ...tail.latent.data]);
    expect([...whole.logRatio]).toEqual([...head.logRatio, ...tail.logRatio]);
  });

  it("costs nothing without a policy, nor under one that is the base model", async () => {
    for (const acting of [undefined, residualPolicy(model)]) {
      const { klPath, logRatio } = await request({ policy: acting });
      expect(klPath.every((cost) => cost === 0)).toBe(true);
      expect(logRatio.every((ratio) => ratio === 0)).toBe(true);
    }
  });

  it.each([undefined, ancestralKernel()])(
    "its path ratio is the one of the two chains' probabilities (%o)",
    async (kernel) => {
      const rollout = await request({
        keep: ["outputs", "references"],
        ...(kernel && { kernel, times: [0, 0.3, 0.6, 1] }),
      });
      const ratio = new Float64Array(64);
      rollout.transitions.forEach((transition, k) => {
        const [x, next] = [rollout.states[k]!, rollout.states[k + 1]!];
        const own = transition.logProbability(next, x, rollout.outputs[k]!);
        const base = transition.logProbability(next, x, rollout.references[k]!);
        own.forEach((value, i) => {
          ratio[i]! += value - base[i]!;
        });
      });
      near(rollout.logRatio, ratio, 1e-4);
    },
  );

  it("its weights undo the policy: E[exp(lambda r - L)] is the base chain's E[exp(lambda r)], E[exp(-L)] is 1", async () => {
    const n = 20_000;
    const rollout = await request({ n, seed: 11 });
    const base = await request({ n, seed: 12, policy: undefined });
    const average = (values: ArrayLike<number>): [number, number] => {
      const all = Array.from(values);
      const mean = all.reduce((sum, value) => sum + value, 0) / n;
      return [mean, Math.sqrt(all.reduce((sum, value) => sum + (value - mean) ** 2, 0) / n / n)];
    };
    const [one, oneError] = average(rollout.logRatio.map((ratio) => Math.exp(-ratio)));
    expect(Math.abs(one - 1)).toBeLessThan(4 * oneError);
    const [tilted, error] = average(rollout.logRatio.map((ratio, i) => Math.exp(0.6 * rollout.rewards[i]! - ratio)));
    const [plain, plainError] = average(base.rewards.map((reward) => Math.exp(0.6 * reward)));
    expect(Math.abs(tilted - plain)).toBeLessThan(4 * Math.hypot(error, plainError));
    // It would show: the policy's own mean is far away.
    const [unweighted] = average(rollout.rewards.map((reward) => Math.exp(0.6 * reward)));
    expect(Math.abs(unweighted - plain)).toBeGreaterThan(20 * plainError);
  });

  it("stops between steps when its signal fires", async () => {
    const error = await request({ signal: AbortSignal.abort() }).catch((reason: unknown) => reason);
    expect(isErrorNamed(error, "AbortError")).toBe(true);
  });

  it("takes records", async () => {
    const records = constructEnv(
      new GaussianRecordModel(new OptimalTransport()),
      { evaluate: (x) => ({ rewards: x.aggregate("sum"), valids: new Uint8Array(x.length).fill(1) }) },
      { steps: 4 },
    );
    const { latent, states } = await rollOut({ environment: records, n: 5, seed: 1, kernel: ancestralKernel() });
    expect(states).toHaveLength(5);
    expect(latent.entries.colour.shape).toEqual([5, 3]);
  });
});

describe("endpoints of the flow", () => {
  it("have the law of the data, and do not depend on how they are batched", async () => {
    const draw = { environment, n: 4000, seed: 2 };
    const whole = await drawEndpoints(draw);
    const parts = await drawEndpoints({ ...draw, batchSize: 1500 });
    expect([...parts.latent.data]).toEqual([...whole.latent.data]);
    const mean = whole.latent.data.reduce((sum, x) => sum + x / 4000, 0);
    const spread = Math.sqrt(whole.latent.data.reduce((sum, x) => sum + (x - mean) ** 2 / 4000, 0));
    expect(Math.abs(mean - 1)).toBeLessThan(4 * (0.5 / Math.sqrt(4000)));
    expect(Math.abs(spread - 0.5)).toBeLessThan(0.03);
    expect([...whole.rewards]).toEqual([...whole.latent.data]);
  });

  it("start where `Environment.sample` starts", async () => {
    const { x } = model.sampleP0(3, RandomKey.fromSeed(2).fold("p0").streams());
    const { latent } = await drawEndpoints({ environment, n: 3, seed: 2, steps: 1, solver: "euler" });
    near(
      latent.data,
      DDTensor.from(
        [...x.data].map((start) => [start + model.forward(DDTensor.from([[start]]), Float32Array.of(0)).data[0]!]),
      ).data,
    );
  });
});
