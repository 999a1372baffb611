import {
  ArgumentError,
  allValid,
  clipReward,
  type DDTensor,
  type DifferentiableReward,
  isDifferentiable,
  negateReward,
  type Reward,
  weightedSum,
  ZeroReward,
} from "@diffusiongym/core";
import { checkReward } from "@diffusiongym/core/testing";
import { describe, expect, it } from "vitest";
import { example, points } from "../support/subjects.js";

type Anything = DifferentiableReward<DDTensor, object>;

const sum: Anything = {
  evaluate: (x) => ({ rewards: x.aggregate("sum"), valids: allValid(x.length) }),
  gradient: (x) => ({ ...(sum.evaluate(x, x, {}) as Judged), gradient: x.onesLike() }),
};
/** Judges only samples whose first entry is positive; the others get a number without meaning. */
const picky: Anything = {
  evaluate: async (x) => {
    const valids = Uint8Array.from({ length: x.length }, (_, i) => (x.data[3 * i]! > 0 ? 1 : 0));
    return { rewards: x.squaredNorm().map((norm, i) => (valids[i] ? norm : Number.NaN)), valids };
  },
  gradient: async (x) => {
    const judged = await picky.evaluate(x, x, {});
    return { ...judged, gradient: x.mul(2).mul(Float32Array.from(judged.valids)) };
  },
};
interface Judged {
  readonly rewards: Float32Array;
  readonly valids: Uint8Array;
}
const blackBox: Reward<DDTensor, object> = { evaluate: sum.evaluate };
const sample = example(points)(3);
const evaluate = async (reward: Reward<DDTensor, object>): Promise<Judged> => reward.evaluate(sample, sample, {});

describe("combinators", () => {
  it("keep the contract of rewards, gradients included", async () => {
    const combined = weightedSum([
      { reward: sum, weight: 0.5 },
      { reward: picky, weight: -2 },
    ]);
    for (const reward of [combined, negateReward(picky), negateReward(sum), clipReward(sum, { minimum: -50 })]) {
      await expect(checkReward(reward, { sample })).resolves.toBe(8);
    }
    await expect(checkReward(negateReward(blackBox), { sample })).resolves.toBe(6);
  });

  it("weightedSum adds, and is valid where all are", async () => {
    const combined = await evaluate(
      weightedSum([
        { reward: sum, weight: 0.5 },
        { reward: picky, weight: -2 },
      ]),
    );
    const [a, b] = [await evaluate(sum), await evaluate(picky)];
    expect(combined.valids).toEqual(b.valids);
    expect(new Set(b.valids)).toEqual(new Set([0, 1]));
    combined.rewards.forEach((reward, i) => {
      if (b.valids[i]) {
        expect(reward).toBe(Math.fround(0.5 * a.rewards[i]! - 2 * b.rewards[i]!));
      }
    });
  });

  it("clipReward limits the reward, and its gradient is 0 at the limits and outside", async () => {
    const { rewards } = await evaluate(sum);
    const sorted = Array.from(rewards).sort((a, b) => a - b);
    const [minimum, maximum] = [sorted[1]!, sorted[4]!];
    const clipped = clipReward(sum, { minimum, maximum });
    expect(Array.from((await evaluate(clipped)).rewards)).toEqual(
      Array.from(rewards, (reward) => Math.min(Math.max(reward, minimum), maximum)),
    );
    const { gradient } = await clipped.gradient(sample, sample, {});
    const inside = Array.from(rewards, (reward) => (reward > minimum && reward < maximum ? 3 : 0));
    expect(Array.from(gradient.aggregate("sum"))).toEqual(inside);
    expect(inside.filter((value) => value > 0)).toHaveLength(2);
  });

  it("have a gradient where all of their parts have one", () => {
    expect(isDifferentiable(weightedSum([{ reward: sum, weight: 1 }]))).toBe(true);
    const mixed: Reward<DDTensor, object>[] = [sum, blackBox];
    expect(isDifferentiable(weightedSum(mixed.map((reward) => ({ reward, weight: 1 }))))).toBe(false);
    expect(isDifferentiable(clipReward(blackBox, { minimum: 0 }))).toBe(false);
    expect(isDifferentiable(new ZeroReward<DDTensor, object>())).toBe(true);
  });

  it("refuse what has no meaning", () => {
    expect(() => weightedSum([])).toThrowError(ArgumentError);
    expect(() => weightedSum([{ reward: sum, weight: Number.NaN }])).toThrowError(/finite weight/);
    expect(() => clipReward(sum, { minimum: 1, maximum: 1 })).toThrowError(/minimum 1 must be below maximum 1/);
    expect(() => clipReward(sum, { minimum: Number.NaN })).toThrowError(ArgumentError);
  });
});
