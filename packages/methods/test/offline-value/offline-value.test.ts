import {
  constantNoise,
  constructEnv,
  DDTensor,
  type Environment,
  isErrorNamed,
  type NoConditioning,
  type Reward,
  type ValuePolicy,
} from "@diffusiongym/core";
import {
  contrastiveLoss,
  evaluate,
  exponentialLoss,
  OfflineValue,
  type OfflineValueOptions,
  SequentialMonteCarlo,
  type TrainableValue,
  train,
  type ValueRegression,
} from "@diffusiongym/methods";
import { checkMethod } from "@diffusiongym/methods/testing";
import { Parameters } from "@diffusiongym/nn";
import { LinearReward, QuadraticReward } from "@diffusiongym/toy";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { GaussianModel } from "../support/gaussian-model.js";
import { s1, valueNetwork } from "../support/problems.js";

const model = new GaussianModel({ mean: 0.5, deviation: 0.8 });
const problem = (rewardScale = 0.8): Environment => constructEnv(model, new LinearReward(), { steps: 8, rewardScale });
const make = (options: Partial<OfflineValueOptions> = {}): OfflineValue =>
  new OfflineValue({
    environment: problem(),
    value: valueNetwork(1, { width: 16, depth: 1 }),
    poolSize: 512,
    batchSize: 128,
    iterations: 4,
    learningRate: 2e-2,
    ...options,
  });
const mean = (values: ArrayLike<number>): number => Array.from(values).reduce((sum, v) => sum + v / values.length, 0);

describe("the losses", () => {
  const numbers = fc.array(fc.double({ min: -2, max: 2, noNaN: true }), { minLength: 8, maxLength: 8 });
  it.each([
    ["exponential", exponentialLoss],
    ["contrastive", (v: number[], w: number[]) => contrastiveLoss(v, w, { size: 4, weights: "pool" })],
    ["contrastive by softmax", (v: number[], w: number[]) => contrastiveLoss(v, w, { size: 4, weights: "softmax" })],
  ] as const)("%s: its slopes are those that differences show", (_, loss) => {
    fc.assert(
      fc.property(numbers, numbers, (values, logWeights) => {
        const { slopes } = loss(values, logWeights);
        values.forEach((value, i) => {
          const moved = (by: number): number => loss(values.with(i, value + by), logWeights).loss;
          expect(slopes[i]).toBeCloseTo((moved(1e-5) - moved(-1e-5)) / 2e-5, 5);
        });
      }),
      { seed: 1, numRuns: 30 },
    );
  });

  it("the exponential one is least at -log of the mean weight, and 0 where every weight is known", () => {
    const logWeights = [0.3, -0.5, 1.1];
    const best = -Math.log(mean(logWeights.map(Math.exp)));
    const at = (value: number): number => exponentialLoss([value, value, value], logWeights).loss;
    expect(at(best)).toBeLessThan(Math.min(at(best + 0.05), at(best - 0.05)));
    expect(exponentialLoss([-0.3, 0.5, -1.1], logWeights).loss).toBeCloseTo(0, 12);
    // A network far astray: a finite slope.
    expect(Number.isFinite(exponentialLoss([1e4], [0]).slopes[0]!)).toBe(true);
  });

  it("the contrastive one does not see a constant, and invalid samples weigh nothing", () => {
    const logWeights = [0.3, -0.5, 1.1, Number.NEGATIVE_INFINITY];
    const options = { size: 4, weights: "pool" } as const;
    const { loss, slopes } = contrastiveLoss([0, 1, 2, 0.5], logWeights, options);
    const moved = contrastiveLoss([5, 6, 7, 5.5], logWeights, options);
    expect(moved.loss).toBeCloseTo(loss, 10);
    expect(Math.abs(slopes.reduce((sum, slope) => sum + slope, 0))).toBeLessThan(1e-12);
    expect(slopes[3]).toBeLessThan(0);
  });
});

describe("offline value learning", () => {
  it.each(["exponential", "contrastive"] as const)("%s: keeps the promises of every method", async (loss) => {
    await checkMethod({
      environment: problem(),
      make: ({ environment, iterations }) => make({ environment, iterations, loss }),
      adapted: ({ controlPolicy }) => ({ controlPolicy }),
      refused: {
        "memoryless noise": () =>
          make({ environment: constructEnv(model, new LinearReward(), { steps: 8, noiseSchedule: constantNoise(1) }) }),
      },
    });
  });

  /** V = a x + b, with its own record of what it was asked. */
  class Line implements TrainableValue<DDTensor, NoConditioning> {
    readonly network = {
      parameters: new Parameters([{ name: "line", shape: [2] }]),
      gradients: new Parameters([{ name: "line", shape: [2] }]),
    };
    readonly problems: ValueRegression<DDTensor, NoConditioning>[] = [];
    constructor() {
      this.network.parameters.data.set([0.3, -0.2]);
    }
    value(x: DDTensor): Float32Array {
      const [a, b] = this.network.parameters.data;
      return x.data.map((entry) => a! * entry + b!);
    }
    gradient(x: DDTensor): DDTensor {
      return x.onesLike().mul(this.network.parameters.data[0]!);
    }
    async regress(given: ValueRegression<DDTensor, NoConditioning>): Promise<{ loss: number }> {
      this.problems.push(given);
      const { data } = this.network.gradients;
      if (!given.accumulate) data.fill(0);
      this.value(given.x).forEach((value, i) => {
        const slope = 2 * given.weights[i]! * (value - given.targets[i]!);
        data[0]! += slope * given.x.data[i]!;
        data[1]! += slope;
      });
      return { loss: 0 };
    }
  }

  it.each(["exponential", "contrastive"] as const)(
    "%s: the gradient of two parameters is the one that differences of the loss show",
    async (loss) => {
      const value = new Line();
      const before = value.network.parameters.data.slice();
      const options = { loss, contrastSize: 8, batchSize: 64, rowsAtOnce: 24, maxGradientNorm: 1e9 } as const;
      const method = make({ value, ...options });
      const metrics = await method.iterate();
      const rows = value.problems.flatMap(({ x }) => [...x.data]);
      const times = value.problems.flatMap(({ t }) => [...t]);
      expect(rows).toHaveLength(64);
      if (loss === "contrastive") {
        times.forEach((time, i) => {
          expect(time).toBe(times[8 * Math.floor(i / 8)]);
        });
      }
      // What each row weighs, from the pool in the state and the rule that chose it.
      const pool = Reflect.get(method, "weighed") as { logWeights: Float64Array };
      const chosen = await rechosen(options);
      const logWeights = chosen.map((index) => pool.logWeights[index]!);
      const at = (a: number, b: number): number => {
        const values = rows.map((x) => a * x + b);
        return loss === "exponential"
          ? exponentialLoss(values, logWeights).loss
          : contrastiveLoss(values, logWeights, { size: 8, weights: "pool" }).loss;
      };
      const [a, b] = before as unknown as [number, number];
      expect(metrics.loss).toBeCloseTo(at(a, b), 5);
      const slopes = [(at(a + 1e-4, b) - at(a - 1e-4, b)) / 2e-4, (at(a, b + 1e-4) - at(a, b - 1e-4)) / 2e-4];
      slopes.forEach((slope, index) => {
        expect(Math.abs(value.network.gradients.data[index]! - slope)).toBeLessThan(
          1e-4 * Math.max(1, Math.abs(slope)),
        );
      });
    },
  );

  /** The rows that the first iteration of a method like that takes. */
  async function rechosen(options: Partial<OfflineValueOptions>): Promise<number[]> {
    const method = make({ value: new Line(), ...options });
    const choose = Reflect.get(method, "choose") as (pool: unknown) => Int32Array;
    let chosen: Int32Array | undefined;
    Object.defineProperty(method, "choose", {
      value: (pool: unknown) => {
        chosen = choose.call(method, pool);
        return chosen;
      },
    });
    await method.iterate();
    return [...chosen!];
  }

  it.each(["exponential", "contrastive"] as const)(
    "%s: finds the value of a Gaussian and its tilt, used at (x_k, t_k)",
    async (loss) => {
      const environment = constructEnv(model, new LinearReward(), { steps: 32, rewardScale: 0.8 });
      const method = make({
        environment,
        loss,
        poolSize: 4096,
        batchSize: 512,
        iterations: 400,
        value: valueNetwork(1, { width: 32, depth: 2 }),
      });
      await train(method);
      expect((method.controlPolicy as ValuePolicy).lookAhead).toBe(false);
      const { samplers } = await evaluate(environment, { samplers: { a: { controlPolicy: method.controlPolicy } } });
      // N(.5, .64) tilted by .8 x: mean .5 + .8 * .64 = 1.012; the pool of 4096 knows its mean to .02.
      expect(Math.abs(samplers.a!.sde!.reward.mean - 1.012)).toBeLessThan(0.09);
      expect(samplers.a!.sde!.pathEss!).toBeGreaterThan(0.9);
      // V(x, t) = -lambda E[x1 | x] - lambda^2 var / 2.
      const x = DDTensor.from([[-0.5], [0.5], [1.5]]);
      const exact = Array.from(x.data, (entry) => {
        const gain = (0.5 * 0.64) / (0.25 * 0.64 + 0.25);
        return -0.8 * (0.5 + gain * (entry - 0.25)) - (0.64 / 2) * (0.64 - gain * 0.5 * 0.64);
      });
      const found = await method.value.value(x, new Float32Array(3).fill(0.5), {});
      const shift = loss === "exponential" ? 0 : found[1]! - exact[1]!;
      exact.forEach((value, i) => {
        expect(Math.abs(found[i]! - shift - value)).toBeLessThan(0.1);
      });
      const resumed = make({ environment, loss, poolSize: 4096, value: valueNetwork(1, { width: 32, depth: 2 }) });
      resumed.restore(method.state());
      expect([...(await resumed.value.value(x, new Float32Array(3).fill(0.5), {}))]).toEqual([...found]);
    },
  );

  it("twists particles so that more ancestors are left", async () => {
    const { environment } = await s1(24, 2);
    const method = make({
      environment,
      poolSize: 8192,
      batchSize: 512,
      iterations: 400,
      learningRate: 5e-3,
      value: valueNetwork(1, { width: 32, depth: 2 }),
    });
    await train(method);
    const ancestors = async (potential: "endpoint" | { value: typeof method.value }): Promise<number> => {
      const sampler = new SequentialMonteCarlo({ particles: 256, potential });
      return (await sampler.draw({ environment, n: 1024, seed: 1 })).diagnostics.unique_ancestors!;
    };
    expect(await ancestors({ value: method.value })).toBeGreaterThan(1.3 * (await ancestors("endpoint")));
  });

  it("stops before the first update where hardly any base sample carries the weight", async () => {
    const hard = constructEnv(model, new QuadraticReward({ center: [6] }), { steps: 8, rewardScale: 30 });
    const error = await train(make({ environment: hard })).catch((thrown: unknown) => thrown);
    expect(isErrorNamed(error, "TrainingAbortedError")).toBe(true);
    expect(error).toMatchObject({ rule: "pool-ess" });
    const never: Reward = {
      evaluate: (sample) => ({ rewards: new Float32Array(sample.length), valids: new Uint8Array(sample.length) }),
    };
    const none = make({ environment: constructEnv(model, never, { steps: 8 }) });
    expect(await none.iterate().catch((thrown: unknown) => thrown)).toMatchObject({ rule: "pool-ess" });
  });

  it("contrasts samples of one group only, and leaves invalid ones out", async () => {
    const reward: Reward = {
      evaluate: (sample) => ({
        rewards: sample.data.slice(),
        valids: Uint8Array.from(sample.data, (_, i) => (i % 4 === 3 ? 0 : 1)),
      }),
    };
    const options = {
      environment: constructEnv(model, reward, { steps: 8 }),
      loss: "contrastive",
      groupSize: 64,
      contrastSize: 16,
    } as const;
    const chosen = await rechosen(options);
    expect(chosen).toHaveLength(128);
    chosen.forEach((index, i) => {
      expect(index % 4).not.toBe(3);
      expect(Math.floor(index / 64)).toBe(Math.floor(chosen[16 * Math.floor(i / 16)]! / 64));
    });
  });

  it("names an option that is out of range", () => {
    for (const options of [
      { loss: "exponentail" as "exponential" },
      { contrastWeights: "pol" as "pool" },
      { poolSize: 1 },
      { odeSteps: 0 },
      { iterations: 0 },
      { batchSize: 0 },
      { loss: "contrastive" as const, contrastSize: 3 },
      { groupSize: 3 },
      { timeRange: [0.9, 0.1] as const },
      { leastEss: -1 },
      { maxGradientNorm: 0 },
    ]) {
      expect(() => make(options)).toThrow(Object.keys(options).at(-1));
    }
  });
});
