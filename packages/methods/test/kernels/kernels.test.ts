import {
  constructEnv,
  DDTensor,
  FeatureSchedulers,
  memorylessNoise,
  OptimalTransport,
  outputAlgebra,
  outputTypes,
  RandomKey,
  type Scheduler,
  scaledMemorylessNoise,
  Tensor,
  Trigonometric,
  VPLinear,
} from "@diffusiongym/core";
import { ancestralKernel, eulerMaruyamaKernel, Transition } from "@diffusiongym/methods";
import { LinearReward } from "@diffusiongym/toy";
import { describe, expect, it } from "vitest";
import { PointClouds } from "../../../core/test/support/ragged.js";
import { GaussianModel } from "../support/gaussian-model.js";
import { GaussianRecordModel } from "../support/record-model.js";

const schedulers: Scheduler[] = [new OptimalTransport(), new Trigonometric(), new VPLinear()];
const points = DDTensor.from([[-1.2], [0.3], [2]]);
const close = (actual: ArrayLike<number>, expected: ArrayLike<number>, tolerance = 1e-5): void => {
  expect(actual.length).toBe(expected.length);
  for (let i = 0; i < expected.length; i++) {
    expect(Math.abs(actual[i]! - expected[i]!)).toBeLessThan(tolerance * Math.max(1, Math.abs(expected[i]!)));
  }
};

describe("Euler-Maruyama", () => {
  it.each(outputTypes)(
    "%s: mean and variance are those of the environment's step, the cost is dt/2 |u|^2",
    async (outputType) => {
      for (const scheduler of schedulers) {
        for (const noise of [memorylessNoise(), scaledMemorylessNoise(0.7)]) {
          const model = new GaussianModel({ mean: 1, deviation: 0.5, outputType, scheduler });
          const policy = new GaussianModel({ mean: 1.3, deviation: 0.5, outputType, scheduler });
          const environment = constructEnv(model, new LinearReward(), { noiseSchedule: noise, steps: 8 });
          const [from, to] = [environment.timesteps[3]!, environment.timesteps[4]!];
          const t = new Float32Array(3).fill(from);
          const transition = new Transition(eulerMaruyamaKernel(noise), model, from, to);
          const output = policy.forward(points, t);
          const led = await environment.withPolicies({ policy }).drift(points, t, {});
          close(transition.mean(points, output).data, points.linearCombination(1, [[to - from, led.drift]]).data);
          close([transition.deviation as number], [noise.sigma(from, scheduler) * Math.sqrt(to - from)]);
          const klStep = transition.klStep(output, model.forward(points, t));
          close(
            klStep,
            led.runningCosts.map((cost) => cost * (to - from)),
          );
        }
      }
    },
  );
});

describe("ancestral sampling and DDIM", () => {
  const pairs = [
    [0.1, 0.35],
    [0.5, 0.6],
    [0.8, 1],
  ] as const;

  it.each(outputTypes)("%s: varsigma = 1 is the posterior of DDPM", (outputType) => {
    for (const scheduler of schedulers) {
      const model = new GaussianModel({ mean: 1, deviation: 0.5, outputType, scheduler });
      for (const [from, to] of pairs) {
        const [alpha, beta] = [scheduler.alpha(from), scheduler.beta(from)];
        const [alphaNext, betaNext] = [scheduler.alpha(to), scheduler.beta(to)];
        // The posterior q(x' | x, D) of the Markov chain from t' down to t: x = (alpha / alpha') x' + sqrt(q) noise.
        const r = alpha / alphaNext;
        const q = beta ** 2 - (r * betaNext) ** 2;
        const output = model.forward(points, new Float32Array(3).fill(from));
        const algebra = outputAlgebra[outputType].endpoint(scheduler, Math.fround(from));
        const transition = new Transition(ancestralKernel(), model, Math.fround(from), to);
        const expected = Array.from(points.data, (x, i) => {
          const endpoint = algebra.state * x + algebra.output * output.data[i]!;
          return ((r * betaNext ** 2) / beta ** 2) * x + ((alphaNext * q) / beta ** 2) * endpoint;
        });
        close(transition.mean(points, output).data, expected);
        close([(transition.deviation as number) ** 2], [(q * betaNext ** 2) / beta ** 2]);
      }
    }
  });

  it("varsigma = 0 is Euler's method in x / beta over alpha / beta, without noise", () => {
    for (const scheduler of schedulers) {
      const model = new GaussianModel({ mean: 1, deviation: 0.5, outputType: "endpoint", scheduler });
      const [from, to] = [0.25, 0.5];
      const endpoint = model.forward(points, new Float32Array(3).fill(from));
      const transition = new Transition(ancestralKernel({ varsigma: 0 }), model, from, to);
      const [alpha, beta, alphaNext, betaNext] = [
        scheduler.alpha(from),
        scheduler.beta(from),
        scheduler.alpha(to),
        scheduler.beta(to),
      ];
      const expected = Array.from(
        points.data,
        (x, i) => betaNext * (x / beta + (alphaNext / betaNext - alpha / beta) * endpoint.data[i]!),
      );
      close(transition.mean(points, endpoint).data, expected);
      expect(transition.isStochastic).toBe(false);
    }
  });

  it("starts at exactly t = 0 with x' = alpha' D + beta' noise", () => {
    for (const outputType of ["velocity", "endpoint"] as const) {
      const model = new GaussianModel({ mean: 1, deviation: 0.5, outputType });
      const transition = new Transition(ancestralKernel(), model, 0, 0.1);
      close(transition.mean(points, model.forward(points, new Float32Array(3))).data, [0.1, 0.1, 0.1]);
      expect(transition.deviation).toBeCloseTo(0.9, 12);
    }
  });

  it("has no variance, no cost and no gradient in the step that ends at 1", () => {
    const model = new GaussianModel({ mean: 1, deviation: 0.5 });
    const transition = new Transition(ancestralKernel(), model, 0.75, 1);
    const output = model.forward(points, new Float32Array(3).fill(0.75));
    const other = output.add(1);
    expect(transition.isStochastic).toBe(false);
    expect(transition.klStep(other, output).every((value) => value === 0)).toBe(true);
    expect(transition.logProbability(points, points, other).every((value) => value === 0)).toBe(true);
    expect([...transition.logProbabilityGradient(points, points, other).data].every((value) => value === 0)).toBe(true);
    close(transition.sample(points, output, points.onesLike()).data, transition.mean(points, output).data, 1e-12);
  });
});

describe("probability of a step", () => {
  const model = new GaussianModel({ mean: 1, deviation: 0.5, dimension: 2 });
  const x = DDTensor.from([
    [0.1, -0.4],
    [1.2, 0.5],
  ]);
  const t = new Float32Array(2).fill(0.5);
  const transition = new Transition(eulerMaruyamaKernel(memorylessNoise()), model, 0.5, 0.625);
  const output = model.forward(x, t);
  const noise = x.randnLike(RandomKey.fromSeed(1).streams());
  const next = transition.sample(x, output, noise);

  it("is the Gaussian density, summed over all entries", () => {
    const mean = transition.mean(x, output);
    const s = transition.deviation as number;
    const normalizer = transition.logNormalizer(x);
    const density = transition.logProbability(next, x, output).map((value, i) => value + normalizer[i]!);
    const expected = [0, 1].map((i) =>
      [0, 1].reduce((sum, j) => {
        const z = (next.data[2 * i + j]! - mean.data[2 * i + j]!) / s;
        return sum - (z * z) / 2 - Math.log(s * Math.sqrt(2 * Math.PI));
      }, 0),
    );
    close(density, expected);
    close(transition.noise(next, x, output).data, noise.data);
  });

  it("has the gradients that differences show", () => {
    const h = 1e-2;
    const gradient = transition.logProbabilityGradient(next, x, output).data;
    const reference = output.add(0.3);
    const klGradient = transition.klStepGradient(output, reference).data;
    for (let entry = 0; entry < 4; entry++) {
      const moved = (by: number): DDTensor =>
        new DDTensor(
          new Tensor(
            output.data.map((value, i) => (i === entry ? value + by : value)),
            [2, 2],
          ),
        );
      const row = Math.floor(entry / 2);
      const slope = (f: (out: DDTensor) => Float32Array): number => (f(moved(h))[row]! - f(moved(-h))[row]!) / (2 * h);
      close([gradient[entry]!], [slope((out) => transition.logProbability(next, x, out))], 2e-3);
      close([klGradient[entry]!], [slope((out) => transition.klStep(out, reference))], 2e-3);
    }
  });
});

describe("any data type", () => {
  it("sums over every tensor of a record and over the rows of ragged data", () => {
    const records = new GaussianRecordModel(new OptimalTransport());
    const { x } = records.sampleP0(3, RandomKey.fromSeed(2).streams());
    const transition = new Transition(ancestralKernel(), records, 0.25, 0.5);
    const shifted = x.add(0.5);
    const unit = ((transition.output as number) * 0.5) / (transition.deviation as number);
    close(transition.klStep(shifted, x), new Float32Array(3).fill((5 * unit ** 2) / 2));

    const clouds = PointClouds.zeros([1, 3]);
    close(transition.klStep(clouds.add(0.5), clouds), [(2 * unit ** 2) / 2, (6 * unit ** 2) / 2]);
  });

  it("takes a schedule of its own for each part", () => {
    const parts = { place: new OptimalTransport(), colour: new Trigonometric() };
    const model = { outputType: "velocity" as const, scheduler: new FeatureSchedulers(parts) };
    const { x } = new GaussianRecordModel(parts.place).sampleP0(2, RandomKey.fromSeed(2).streams());
    const transition = new Transition(eulerMaruyamaKernel(memorylessNoise()), model, 0.25, 0.5);
    const mean = transition.mean(x, x);
    for (const name of ["place", "colour"] as const) {
      const alone = new Transition(
        eulerMaruyamaKernel(memorylessNoise()),
        { outputType: "velocity", scheduler: parts[name] },
        0.25,
        0.5,
      );
      close(mean.entries[name].data, alone.mean(x.entries[name], x.entries[name]).data);
    }
    expect(transition.klStep(x.add(1), x)).toHaveLength(2);
  });
});
