import { isErrorNamed } from "@diffusiongym/core";
import { AbortRules, type Baseline, type Metrics, rewardStatistics, TrainingAbortedError } from "@diffusiongym/methods";
import { describe, expect, it } from "vitest";

const baseline: Baseline = { rewardMean: 0, rewardStd: 1, valid: 100, stateMax: 4 };
const calm: Metrics = { reward: 0.5, kl_path: 0.1, grad_norm: 1, valid_fraction: 1, state_max: 5 };

/** Feeds metrics for iterations 1, 2, ... and gives the rule that struck, with its iteration. */
function firstStop(
  metrics: (iteration: number) => Metrics,
  iterations = 1000,
  rules = new AbortRules(1000, 1),
  compared = baseline,
): { rule: string; iteration: number } | undefined {
  for (let iteration = 1; iteration <= iterations; iteration++) {
    try {
      rules.check(iteration, { ...calm, ...metrics(iteration) }, compared);
    } catch (error) {
      expect(isErrorNamed(error, "TrainingAbortedError")).toBe(true);
      return error as TrainingAbortedError;
    }
  }
  return undefined;
}

/** Noise that is the same in every run: a van der Corput sequence, centred. */
const wobble = (i: number): number => {
  let value = 0;
  for (let digit = 0.5, rest = i; rest > 0; rest >>= 1, digit /= 2) {
    value += (rest & 1) * digit;
  }
  return value - 0.5;
};

describe("AbortRules", () => {
  it("lets a run pass that learns with noise", () => {
    expect(firstStop((i) => ({ reward: i / 500 + wobble(i), kl_path: i / 500 + 0.2 * wobble(i + 7) }))).toBeUndefined();
  });

  it("lets a converged run pass whose reward and KL only wobble", () => {
    expect(firstStop((i) => ({ reward: 2 + wobble(i), kl_path: 1 - 0.1 * wobble(i) }))).toBeUndefined();
  });

  it("stops on states far outside the base model's", () => {
    expect(firstStop((i) => ({ state_max: i === 5 ? 201 : 5 }))).toMatchObject({ rule: "state", iteration: 5 });
    expect(firstStop(() => ({ state_max: 199 }), 10)).toBeUndefined();
  });

  it("stops on gradients 10 000 times the median three times in a row, not twice", () => {
    expect(firstStop((i) => ({ grad_norm: i >= 20 ? 2e4 : 1 }))).toMatchObject({ rule: "gradient", iteration: 22 });
    expect(firstStop((i) => ({ grad_norm: i % 10 < 2 ? 2e4 : 1 }), 60)).toBeUndefined();
  });

  it("stops when hardly a sample was valid for 20 iterations", () => {
    expect(firstStop(() => ({ valid_fraction: 0.04 }))).toMatchObject({ rule: "validity", iteration: 20 });
    expect(firstStop((i) => ({ valid_fraction: i % 20 === 0 ? 1 : 0.04 }))).toBeUndefined();
  });

  it("stops when KL rises while the reward falls: a flipped sign", () => {
    const flipped = (i: number): Metrics => ({
      reward: 2 - i / 100 + 0.1 * wobble(i),
      kl_path: i / 100 + 0.1 * wobble(i + 3),
    });
    expect(firstStop(flipped)).toMatchObject({ rule: "diverging", iteration: 50 });
  });

  it("stops when the reward stays below the base model's", () => {
    const stuck = firstStop((i) => ({ reward: -0.31 + 0.01 * wobble(i) }));
    expect(stuck).toMatchObject({ rule: "below-base", iteration: 101 });
    expect(firstStop((i) => ({ reward: -0.29 + 0.01 * wobble(i) }))).toBeUndefined();
  });

  it("looks at the rewards of methods that know no path KL", () => {
    const rules = new AbortRules(1000, 1);
    const stop = (): unknown => {
      for (let iteration = 1; iteration <= 300; iteration++) {
        try {
          rules.check(iteration, { reward: -0.31, reward_std: 1 }, baseline);
        } catch (error) {
          return error;
        }
      }
      return undefined;
    };
    expect(stop()).toMatchObject({ rule: "below-base", iteration: 101 });
  });

  it("does not take bad luck for a flipped sign: base samples without a spread, or none that was valid", () => {
    const rare = (i: number): Metrics => ({ reward: 1 - (i % 3) / 128, reward_std: 0.1 });
    const rules = (): AbortRules => new AbortRules(1000, 1);
    expect(firstStop(rare, 300, rules(), { ...baseline, rewardMean: 1, rewardStd: 0, valid: 128 })).toBeUndefined();
    expect(firstStop(() => ({ reward: -5 }), 300, rules(), { ...baseline, rewardStd: 0, valid: 0 })).toBeUndefined();
    const sometimesNone = (i: number): Metrics => (i % 2 ? { reward: 3 } : { reward: 0, valid_fraction: 0 });
    expect(firstStop(sometimesNone, 300, rules(), { ...baseline, rewardMean: 2 })).toBeUndefined();
  });

  it("reads a falling reward as progress when the reward scale is negative", () => {
    const falling = (i: number): Metrics => ({
      reward: -i / 100 + 0.1 * wobble(i),
      kl_path: i / 100 + 0.1 * wobble(i + 3),
    });
    expect(firstStop(falling, 200, new AbortRules(1000, -1))).toBeUndefined();
  });

  it("remembers through state and restore", () => {
    const rules = new AbortRules(1000, 1);
    firstStop(() => ({ valid_fraction: 0 }), 19, rules);
    const restored = new AbortRules(1000, 1);
    restored.restore(JSON.parse(JSON.stringify(rules.state())));
    expect(() => restored.check(20, { ...calm, valid_fraction: 0 }, baseline)).toThrow(TrainingAbortedError);
  });
});

describe("rewardStatistics", () => {
  it("leaves invalid samples out", () => {
    const statistics = rewardStatistics(Float32Array.of(1, 100, 3), Uint8Array.of(1, 0, 1));
    expect(statistics).toEqual({ mean: 2, std: 1, min: 1, max: 3, validFraction: 2 / 3 });
  });

  it("is 0 throughout when nothing is valid", () => {
    expect(rewardStatistics(Float32Array.of(1), Uint8Array.of(0))).toEqual({
      mean: 0,
      std: 0,
      min: 0,
      max: 0,
      validFraction: 0,
    });
  });
});
