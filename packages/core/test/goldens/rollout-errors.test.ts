import { describe, expect, it } from "vitest";
import { DDTensor, ShapeError, TimeGridError, ZeroReward } from "../../src/index.js";
import { batch, numbers } from "../support/golden.js";
import type { ReferenceConditioning } from "../support/reference-model.js";
import { environmentOf, golden, type OtherCase, rollouts } from "../support/rollout-golden.js";

describe("reference/rollouts.json, errors", () => {
  const template = rollouts.find(({ group }) => group === "sample")!;
  const environment = environmentOf(template);
  const x0 = (n: number): DDTensor => DDTensor.from(new Float32Array(2 * n).fill(0.5), [n, 2]);
  /** What becomes of each of the file's errors. */
  const outcomes: { readonly [name: string]: () => Promise<void> } = {
    // DECISIONS 12.
    "batch_sample(4,2,x0=DDTensor): x0 goes through index_dict, which rejects it": async () => {
      expect(await environment.sample(4, { batchSize: 2, x0: x0(4) })).toHaveLength(4);
    },
    // DECISIONS 10.
    "batch_sample(0,2)": async () => {
      const empty = await environment.sample(0, { batchSize: 2, record: "all" });
      expect(empty).toHaveLength(0);
      expect(empty.costs.shape).toEqual([environment.steps + 1, 0]);
    },
    "sample(3, x0 of batch 1): broadcast during the rollout, then the length assertion": async () => {
      await expect(environment.sample(3, { x0: x0(1) })).rejects.toThrowError(ShapeError);
    },
    "sample(2, x0 of batch 3)": async () => {
      await expect(environment.sample(2, { x0: x0(3) })).rejects.toThrowError(ShapeError);
    },
    "discretization_steps=0": async () => {
      expect(() => environmentOf({ ...template, discretization_steps: 0 })).toThrowError(TimeGridError);
    },
    // DECISIONS 11: a constant is any value that is not split.
    "kwargs with a None leaf: fails at the END of sampling in dict_to_device": async () => {
      const conditioning = { strength: null } as unknown as ReferenceConditioning;
      expect(await environment.sample(2, { conditioning })).toHaveLength(2);
    },
    // DECISIONS 11: an array with one entry a sample.
    "kwargs with a tuple leaf: index_dict takes tuples, dict_to_device does not": async () => {
      expect(await environment.sample(2, { conditioning: { tag: ["a", "b"] } })).toHaveLength(2);
    },
    // DECISIONS 10.
    "GaussianReward with n=1: .squeeze() gives a 0-d reward": async () => {
      expect((await environment.sample(1)).rewards).toHaveLength(1);
    },
    "GaussianReward with n=2": async () => {
      expect((await environment.sample(2)).rewards).toHaveLength(2);
    },
  };
  const errors = golden.cases.filter(({ group }) => group === "errors");

  it("knows every one of them", () => {
    expect(errors.map(({ name }) => name).sort()).toEqual(Object.keys(outcomes).sort());
  });

  it.each(errors)("$name", ({ name }) => outcomes[name]!());
});

describe("reference/rollouts.json, one_dim_rewards", () => {
  it("DummyReward: 0 (1d/binary and 1d/gaussian are toy/binary and toy/gaussian, tested in packages/toy)", () => {
    const cases = golden.cases.filter((one): one is OtherCase => one.group === "one_dim_rewards");
    expect(cases).toHaveLength(3);
    const { x, expected } = cases.find(({ name }) => name === "DummyReward: 0")!;
    const { rewards, valids } = new ZeroReward<DDTensor, object>().evaluate(batch(x));
    expect(Array.from(rewards)).toEqual(numbers(expected.f32.rewards));
    expect(Array.from(valids)).toEqual(numbers(expected.f32.valids));
  });
});
