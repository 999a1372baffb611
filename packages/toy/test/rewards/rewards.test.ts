import { DDTensor, isDifferentiable, listRewards, makeReward, RandomKey } from "@diffusiongym/core";
import { checkReward } from "@diffusiongym/core/testing";
import { describe, expect, it } from "vitest";
import "../../src/index.js";
import { type GoldenArray, loadFixture } from "../fixtures/load.js";

const ids = [
  "toy/linear",
  "toy/quadratic",
  "toy/binary",
  "toy/gaussian",
  "toy/box",
  "toy/halfspace",
  "toy/ring",
  "toy/bimodal",
] as const;
const indicators: readonly string[] = ["toy/binary", "toy/box", "toy/halfspace"];

describe.each(ids)("%s", (id) => {
  it.each([1, 2, 3])("keeps the promises of a reward in %i dimension(s)", async (dimension) => {
    const sample = DDTensor.randn(16, [dimension], RandomKey.fromSeed(0).streams()).scale(1.5);
    await checkReward(await makeReward(id), { sample });
  });

  it("has a gradient exactly when it is smooth", async () => {
    expect(isDifferentiable(await makeReward(id))).toBe(!indicators.includes(id));
  });

  it("says what it is and what its options are", () => {
    const listed = listRewards().find((reward) => reward.id === id)!;
    expect(listed.description.length).toBeGreaterThan(10);
    expect(Object.keys(listed.options!).length).toBeGreaterThan(0);
  });
});

interface OneDimensionalCase {
  readonly name: string;
  readonly x: GoldenArray;
  readonly rewards: GoldenArray;
}

// reference/rollouts.json, group one_dim_rewards (float32); its third case, DummyReward, is core's any/zero.
const cases = await loadFixture<readonly OneDimensionalCase[]>("one-dim-rewards");

describe("the reference's one-dimensional rewards", () => {
  it.each([
    ["1d/binary", "toy/binary"],
    ["1d/gaussian", "toy/gaussian"],
  ] as const)("%s", async (name, id) => {
    const { x, rewards } = cases.find((one) => one.name.startsWith(name))!;
    const sample = DDTensor.from(x.data, x.shape);
    const result = await (await makeReward(id)).evaluate(sample, sample, {});
    rewards.data.forEach((expected, i) => {
      expect(Math.abs(result.rewards[i]! - expected)).toBeLessThanOrEqual(2e-7 * Math.abs(expected));
    });
    expect(result.valids.every((valid) => valid === 1)).toBe(true);
  });
});

describe("options", () => {
  const value = async (id: (typeof ids)[number], options: object, x: readonly number[]): Promise<number> => {
    const sample = DDTensor.from([x]);
    return (await (await makeReward(id, options as never)).evaluate(sample, sample, {})).rewards[0]!;
  };

  it("are used", async () => {
    expect(await value("toy/linear", { direction: [1, -0.5], offset: 0.25 }, [2, 2])).toBeCloseTo(1.25);
    expect(
      await value(
        "toy/quadratic",
        {
          center: [1, 0.5],
          precision: [
            [1, 0.2],
            [0.2, 0.5],
          ],
        },
        [2, 1.5],
      ),
    ).toBeCloseTo(-0.95);
    expect(await value("toy/quadratic", { center: 0, precision: 2 }, [1, 2])).toBeCloseTo(-5);
    expect(await value("toy/box", { lower: [1.2, -3], upper: [3.2, -1.2] }, [2, -2])).toBe(1);
    expect(await value("toy/box", { lower: [1.2, -3], upper: [3.2, -1.2] }, [2, 2])).toBe(0);
    expect(await value("toy/halfspace", { direction: [1, 1], threshold: 0.5 }, [1, -0.6])).toBe(0);
    expect(await value("toy/halfspace", { direction: [1, 1], threshold: 0.5 }, [1, -0.4])).toBe(1);
    expect(await value("toy/ring", { center: [1, 1], radius: 1, width: 0.5 }, [3, 1])).toBeCloseTo(-2);
    expect(await value("toy/bimodal", { centers: [[0, 0], 3], width: 1 }, [0, 1])).toBeCloseTo(
      Math.exp(-0.5) + Math.exp(-6.5),
    );
    expect(await value("toy/gaussian", { mean: 0, standardDeviation: 2 }, [0, 0])).toBeCloseTo(1 / (8 * Math.PI));
  });

  it.each([
    ["toy/linear", { direction: [0, 0] }, "zero in every coordinate"],
    ["toy/linear", { direction: [1] }, "direction has 1 entries but the data has 2"],
    ["toy/linear", { offset: "3" }, "offset must be a number or an array of numbers, got 3"],
    ["toy/linear", { direction: "xy" }, "direction must be a number or an array of numbers, got xy"],
    ["toy/linear", { directon: [1, 0] }, 'no option "directon"; did you mean "direction"?'],
    ["toy/box", { lower: "1" }, "lower must be a number"],
    ["toy/bimodal", { centers: 3 }, "centers must be two points, got 3"],
    ["toy/bimodal", { centers: [1, 2, 3] }, "centers must be two points"],
    ["toy/linear", { offset: Number.NaN }, "offset must hold finite numbers"],
    ["toy/quadratic", { precision: [[1]] }, "precision has 1 rows"],
    [
      "toy/quadratic",
      {
        precision: [
          [1, 0],
          [1, 1],
        ],
      },
      "not symmetric",
    ],
    ["toy/box", { lower: 2, upper: 1 }, "The box is empty"],
    ["toy/gaussian", { standardDeviation: 0 }, "above 0"],
    ["toy/ring", { radius: -1 }, "above 0"],
    ["toy/bimodal", { width: Number.POSITIVE_INFINITY }, "finite number above 0"],
  ] as const)("%s refuses %j", async (id, options, message) => {
    await expect(value(id, options, [0, 0])).rejects.toThrow(message);
  });
});
