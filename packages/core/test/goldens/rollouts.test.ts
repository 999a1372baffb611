import { describe, expect, it } from "vitest";
import { expectAllClose } from "../../../../tooling/test/close.js";
import { ArgumentError, Sample } from "../../src/index.js";
import { batch, buildScheduler, numbers, perSample } from "../support/golden.js";
import { asNumbers, expectedStep } from "../support/reference-model.js";
import {
  conditioningOf,
  environmentOf,
  type GoldenRollout,
  type GoldenSample,
  golden,
  hasConditioning,
  networks,
  type Rollout,
  rollouts,
  sampleOf,
  single,
  step,
} from "../support/rollout-golden.js";

/** Whether DECISIONS 1 (a control under noise that is not memoryless) makes another trajectory of it. */
function hasOtherDrift(one: GoldenRollout): boolean {
  return one.noise_schedule.type !== "memoryless" && one.control_policy_set;
}

/** Whether DECISIONS 2 (Girsanov's cost for the sigma in use) gives other running costs. */
function hasOtherCosts(one: GoldenRollout): boolean {
  return one.noise_schedule.type !== "memoryless" && (one.control_policy_set || one.policy_set);
}

/** DECISIONS 3: running costs weighted by dt and summed backwards from minus scale times reward. */
function costFunctional(one: GoldenRollout, sample: Rollout, running: readonly number[]): number[] {
  const { timesteps } = sample;
  const costs = Array.from(sample.rewards, (reward) => -one.reward_scale * reward);
  const rows = [costs];
  for (let k = sample.steps - 1; k >= 0; k--) {
    rows.unshift(
      rows[0]!.map((cost, i) => cost + (timesteps[k + 1]! - timesteps[k]!) * running[k * sample.length + i]!),
    );
  }
  return rows.flat();
}

function compareWithReference(one: GoldenRollout, sample: Rollout, expected: GoldenSample): void {
  expect(sample).toHaveLength(expected.len);
  expect(sample.steps).toBe(expected.num_steps);
  expectAllClose(sample.timesteps, numbers(expected.timesteps), { relative: 1e-6 });
  sample.noises.forEach((noise, k) => {
    expect(Array.from(noise.data)).toEqual(numbers(step(expected.noises, k)));
  });
  sample.diffusions.forEach((sigma, k) => {
    expectAllClose(asNumbers(sigma, sample.length), perSample(step(expected.diffusions, k)), single);
  });
  if (!hasOtherCosts(one)) {
    expectAllClose(sample.runningCosts.data, numbers(expected.running_costs), single);
  }
  if (hasOtherDrift(one)) {
    return;
  }
  sample.trajectory.forEach((x, k) => {
    expectAllClose(x.data, numbers(step(expected.trajectory, k)), single);
  });
  sample.drifts.forEach((drift, k) => {
    expectAllClose(drift.data, numbers(step(expected.drifts, k)), single);
  });
  expectAllClose(sample.sample.data, numbers(expected.sample), single);
  expectAllClose(sample.latent.data, numbers(expected.latent), single);
  expectAllClose(sample.rewards, numbers(expected.rewards), single);
  expect(Array.from(sample.valids)).toEqual(numbers(expected.valids));
}

/** The same rollout by the formulas of METHODS 0.2 and 0.3 in double precision. */
function compareWithFormulas(one: GoldenRollout, sample: Rollout): void {
  const setup = {
    networks,
    outputType: one.output_type,
    scheduler: buildScheduler(one.scheduler, golden.alpha_bars),
    sigma: one.noise_schedule.type === "memoryless" ? ("memoryless" as const) : one.noise_schedule.sigma,
    policy: one.policy_set,
    control: one.control_policy_set,
  };
  const times = Array.from(sample.timesteps);
  const noise = numbers(one.noise);
  for (let i = 0; i < one.n; i++) {
    let x = numbers(one.x0).slice(2 * i, 2 * i + 2);
    for (let k = 0; k < sample.steps; k++) {
      const dt = times[k + 1]! - times[k]!;
      const { drift, runningCost, sigma } = expectedStep(setup, x, times[k]!);
      expectAllClose(sample.trajectory[k]!.at(i).data, x, single);
      expectAllClose(sample.drifts[k]!.at(i).data, drift, single);
      expectAllClose([sample.runningCosts.data[k * one.n + i]!], [runningCost], single);
      x = x.map((value, j) => value + dt * drift[j]! + Math.sqrt(dt) * sigma * noise[(k * one.n + i) * 2 + j]!);
    }
    expectAllClose(sample.latent.at(i).data, x, single);
  }
}

describe("reference/rollouts.json", () => {
  it("has 33 rollouts, of which these differ on purpose", () => {
    expect(golden.cases).toHaveLength(45);
    expect(rollouts).toHaveLength(33);
    expect(rollouts.filter(hasOtherDrift)).toHaveLength(6);
    expect(rollouts.filter(hasOtherCosts)).toHaveLength(6);
  });

  it.each(rollouts)("$group: $name", async (one) => {
    const sample = await sampleOf(one);
    const { f32, f64 } = one.expected;
    expect(Array.from(sample.timesteps)).toEqual(numbers(f32.timesteps));
    compareWithReference(one, sample, f64);
    if (one.scheduler.type !== "cosine") {
      compareWithReference(one, sample, f32);
    }
    if (!hasConditioning(one)) {
      compareWithFormulas(one, sample);
    }
    expect(sample.conditioning).toEqual(conditioningOf(f64.kwargs));
    expectAllClose(sample.costs.data, costFunctional(one, sample, Array.from(sample.runningCosts.data)), {
      relative: 1e-6,
      absolute: 1e-6,
    });
    if (!hasOtherCosts(one) && !hasOtherDrift(one)) {
      // DECISIONS 3: the reference's functional is the same sum with 1 / steps in place of dt.
      const { steps, length } = sample;
      const asReference = Array.from({ length: steps + 1 }, (_, k) =>
        Array.from({ length }, (_, i) => {
          let sum = -one.reward_scale * sample.rewards[i]!;
          for (let j = k; j < steps; j++) {
            sum += sample.runningCosts.data[j * length + i]! / steps;
          }
          return sum;
        }),
      ).flat();
      expectAllClose(asReference, numbers(f64.cost_functionals), single);
    }
    expectAllClose(
      sample.pathCosts,
      Array.from(sample.costs.data.subarray(0, one.n), (cost, i) => cost + one.reward_scale * sample.rewards[i]!),
      { relative: 1e-5, absolute: 1e-5 },
    );
  });

  it("starts from the model's own conditioning and does not change what the caller gave", async () => {
    const one = rollouts.find(({ group, kwargs }) => group === "kwargs" && kwargs?.shift)!;
    const conditioning = conditioningOf(one.kwargs!);
    const copy = structuredClone(conditioning);
    const x0 = batch(one.x0);
    await environmentOf(one).sample(one.n, { x0, conditioning });
    expect(conditioning).toEqual(copy);
    expect(Array.from(x0.data)).toEqual(numbers(one.x0));
  });
});

describe("reference/rollouts.json, at, slice and concat of a Sample", () => {
  const batched = rollouts.filter(({ group }) => group === "batch_sample");

  it.each(batched)("$name", async (one) => {
    const sample = await sampleOf(one);
    for (const [index, expected] of Object.entries(one.index_expected!)) {
      if (index === "slice(0,2)") {
        // DECISIONS 10: slices work.
        const part = sample.slice(0, 2);
        expect(Array.from(part.latent.data)).toEqual(Array.from(sample.latent.data.subarray(0, 4)));
        expect(part.costs.shape).toEqual([sample.steps + 1, 2]);
      } else if (index === "-1") {
        // DECISIONS 10: negative indices work.
        compareWithReference(one, sample.at(-1), one.index_expected!["4"] as GoldenSample);
      } else if ("error" in expected) {
        expect(() => sample.at(Number(index))).toThrowError(ArgumentError);
      } else {
        const single = sample.at(Number(index));
        compareWithReference(one, single, expected);
        expect(single.conditioning).toEqual(conditioningOf(expected.kwargs));
      }
    }
    const joined = Sample.concat([sample.at(3), sample.at(0)]);
    compareWithReference(one, joined, one.concat_of_indices_3_0!);
    expect(joined.conditioning).toEqual(conditioningOf(one.concat_of_indices_3_0!.kwargs));
  });
});
