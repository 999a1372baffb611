import type { DDTensor, Reward } from "@diffusiongym/core";
import { checkReward } from "@diffusiongym/core/testing";
import { describe, expect, it } from "vitest";
import { batchMean, failuresOf } from "../support/broken.js";
import { example, points } from "../support/subjects.js";

let calls = 0;

describe("checkReward", () => {
  const sample = example(points)(7);
  const right = {
    evaluate: (x: DDTensor) => ({
      rewards: x.aggregate("sum"),
      valids: new Uint8Array(x.length).fill(1),
    }),
    gradient: (x: DDTensor) => ({ ...right.evaluate(x), gradient: x.onesLike() }),
  };
  const rewards = (f: (x: DDTensor, values: Float32Array) => Float32Array): Reward => ({
    evaluate: (x) => ({ ...right.evaluate(x), rewards: f(x, right.evaluate(x).rewards) }),
  });
  const broken: readonly (readonly [check: string, reward: Reward])[] = [
    [
      "rewards must be one finite number a valid sample, valids one 0 or 1 a sample.",
      rewards((_, r) => r.map(() => NaN)),
    ],
    [
      "evaluate must not change the samples.",
      rewards((x, r) => {
        x.data[0]! += 1;
        return r;
      }),
    ],
    ["evaluate must be deterministic.", rewards((_, r) => r.map(() => calls++))],
    [
      "evaluate must judge every sample alone: a slice of the rewards must be the rewards of the slice.",
      rewards((x, r) => r.map((reward) => reward + batchMean(x))),
    ],
    ["evaluate must take a batch of one.", rewards((x, r) => (x.length === 1 ? r.slice(1) : r))],
    [
      "gradient must return the rewards that evaluate returns.",
      {
        ...right,
        gradient: (x: DDTensor) => ({ ...right.gradient(x), rewards: new Float32Array(x.length) }),
      } as Reward,
    ],
    [
      "gradient must agree with central differences of evaluate in a random direction.",
      { ...right, gradient: (x: DDTensor) => ({ ...right.gradient(x), gradient: x.mul(3) }) } as Reward,
    ],
  ];

  it("has as many checks as are broken here, and one of the samples it is given", async () => {
    expect(await checkReward(right, { sample })).toBe(broken.length + 1);
    expect(await failuresOf(checkReward(right, { sample: sample.slice(0, 3) }))).toEqual([
      "give at least 4 samples to check with.",
    ]);
  });

  it.each(broken)("%s", async (check, reward) => {
    expect(await failuresOf(checkReward(reward, { sample: sample.clone() }))).toContain(check);
  });

  it("reports what a reward throws, instead of throwing it", async () => {
    const throwing = (): never => {
      throw new Error("no weights");
    };
    await expect(checkReward({ evaluate: throwing }, { sample: points(4) })).rejects.toThrowError(
      /evaluate.*no weights/,
    );
  });
});
