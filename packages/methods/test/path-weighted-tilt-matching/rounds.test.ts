import { constructEnv, type Environment, type Reward } from "@diffusiongym/core";
import { type Metrics, PathWeightedTiltMatching, type PathWeightedTiltMatchingOptions } from "@diffusiongym/methods";
import { LinearReward } from "@diffusiongym/toy";
import { describe, expect, it, vi } from "vitest";
import { GaussianModel } from "../support/gaussian-model.js";
import { residualPolicy } from "../support/policies.js";

const model = new GaussianModel();
const problem = (rewardScale: number, steps = 16): Environment =>
  constructEnv(model, new LinearReward(), { steps, rewardScale });

const make = (options: Partial<PathWeightedTiltMatchingOptions> = {}): PathWeightedTiltMatching =>
  new PathWeightedTiltMatching({
    environment: problem(1),
    policy: residualPolicy(model),
    iterations: 6,
    rounds: 3,
    roundIterations: 2,
    basePoolSize: 1024,
    poolSize: 512,
    batchSize: 64,
    noisings: 1,
    learningRate: 1e-3,
    ladderEss: 400,
    leastEss: 10,
    solverSteps: 8,
    ...options,
  });

const caught = (promise: Promise<unknown>): Promise<unknown> => promise.catch((error: unknown) => error);

describe("rounds of path-weighted tilt matching", () => {
  it("climb a ladder, keep every pool, and end at the environment's scale", async () => {
    const method = make({ environment: problem(2.5), basePoolSize: 8192, ladderEss: 3200 });
    const rows: Metrics[] = [];
    while (method.iteration < method.iterations) {
      rows.push(await method.iterate());
    }
    const levels = [0, 2, 4].map((iteration) => rows[iteration]!.lambda!);
    // ESS of exp(h r) on N(0, 1): 8192 exp(-h^2) = 3200.
    expect(Math.abs(levels[0]! - Math.sqrt(Math.log(2.56)))).toBeLessThan(0.1);
    expect(levels[1]!).toBeGreaterThanOrEqual(levels[0]!);
    expect(levels[2]).toBe(2.5);
    expect(rows.map(({ round }) => round)).toEqual([0, 0, 1, 1, 2, 2]);
    const last = rows[5]!;
    expect(last.share_0! + last.share_1! + last.share_2!).toBeCloseTo(1, 10);
    expect(last.ess_total!).toBeCloseTo(last.ess_0! + last.ess_1! + last.ess_2!, 8);
    // The path KL is said once a round, where it was measured.
    expect(rows.map(({ kl_path }) => kl_path !== undefined)).toEqual([false, false, true, false, true, false]);
  });

  it("say when one round is as good", async () => {
    const large = make({ environment: problem(0.2), rounds: 1, iterations: 1, basePoolSize: 11_000, solverSteps: 4 });
    expect(large.advice).toEqual([]);
    expect((await large.iterate()).one_round_enough).toBe(1);
    expect(large.advice[0]).toContain("one offline round");
    const small = make({ rounds: 1, iterations: 1 });
    expect((await small.iterate()).one_round_enough).toBe(0);
    expect(small.advice).toEqual([]);
  });

  it("stop where all endpoints together know too little", async () => {
    const error = await caught(make({ environment: problem(5), rounds: 1, leastEss: 200 }).iterate());
    expect(error).toMatchObject({ rule: "effective-samples", iteration: 1 });
  });

  it("stop when two pools disagree, as with a path weight of the wrong sign", async () => {
    const run = async (sign: number): Promise<unknown> => {
      const method = make({ basePoolSize: 4096, poolSize: 4096, rounds: 2, consistencyLimit: 6, learningRate: 3e-2 });
      const inner = method as unknown as { rollOutPool(request: unknown): Promise<{ logRatio: Float64Array }> };
      const rollOutPool = inner.rollOutPool.bind(method);
      vi.spyOn(inner, "rollOutPool").mockImplementation(async (request) => {
        const rolled = await rollOutPool(request);
        return { ...rolled, logRatio: rolled.logRatio.map((value) => sign * value) };
      });
      // Trained for real in the first round, so that there is a path weight to get wrong.
      Object.assign((method as unknown as { plan: object }).plan, { roundIterations: 5 });
      while (method.iteration < method.iterations) {
        await method.iterate();
      }
      return "finished";
    };
    expect(await run(1)).toBe("finished");
    expect(await caught(run(-1))).toMatchObject({ rule: "round-disagreement" });
  });

  it("a reward of the wrong sign is caught by the abort rules", async () => {
    const honest = new LinearReward();
    let calls = 0;
    // Right on the base model's samples, flipped from then on.
    const reward: Reward = {
      evaluate: async (sample) => {
        const { rewards, valids } = await honest.evaluate(sample);
        calls += 1;
        return { rewards: calls > 1 ? rewards.map((value) => -value) : rewards, valids };
      },
    };
    const method = make({
      environment: constructEnv(model, reward, { steps: 16 }),
      weights: "none",
      iterations: 200,
      roundIterations: 80,
      learningRate: 2e-2,
      batchSize: 128,
    });
    const error = await caught(
      (async () => {
        while (method.iteration < method.iterations) {
          await method.iterate();
        }
      })(),
    );
    expect(error).toMatchObject({ rule: "below-base" });
  });

  it("name an option that is out of range", () => {
    for (const options of [
      { weights: "paths" as "path" },
      { baseSampler: "pde" as "sde" },
      { ladderEss: 0 },
      { leastEss: 0 },
      { leastEssFraction: 2 },
      { consistencyLimit: 0 },
      { rounds: 0 },
      { poolSize: 1 },
    ]) {
      expect(() => make(options)).toThrow(Object.keys(options)[0]);
    }
  });
});
