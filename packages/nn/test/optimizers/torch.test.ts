import { beforeAll, expect, test } from "vitest";
import { expectAllClose } from "../../../../tooling/test/close.js";
import { loadFixture } from "../../../../tooling/test/fixtures.js";
import {
  Adam,
  AdamW,
  clipGlobalNorm,
  cosineSchedule,
  ExponentialMovingAverage,
  type Optimizer,
  StochasticGradientDescent,
  warmupSchedule,
} from "../../src/optimizers/index.js";
import { Parameters } from "../../src/parameters/index.js";

interface Run {
  readonly parameters: readonly (readonly number[])[];
  readonly norms: readonly number[];
  readonly rates: readonly number[];
}

interface TorchRuns {
  readonly start: readonly number[];
  readonly gradients: readonly (readonly number[])[];
  readonly cases: Readonly<Record<string, Run>>;
  readonly averages: readonly (readonly number[])[];
}

/** Made by tooling/fixtures/optimizers_torch.py. */
let golden: TorchRuns;
beforeAll(async () => {
  golden = await loadFixture<TorchRuns>("packages/nn/test/fixtures/optimizers_torch.json.gz");
});

const parametersOf = (values: readonly number[]): Parameters => {
  const parameters = new Parameters([
    { name: "weight", shape: [2, 3] },
    { name: "bias", shape: [3] },
  ]);
  parameters.data.set(values);
  return parameters;
};

const scheduled = warmupSchedule({ steps: 4, followedBy: cosineSchedule({ peak: 0.1, steps: 16, final: 0.001 }) });

const optimizers: Record<string, (parameters: Parameters) => Optimizer> = {
  adam: (p) => new Adam(p, { learningRate: 0.01 }),
  adam_l2: (p) => new Adam(p, { learningRate: 0.02, beta1: 0.5, beta2: 0.9, epsilon: 1e-3, weightDecay: 0.1 }),
  adamw: (p) => new AdamW(p, { learningRate: 0.05 }),
  adamw_decay: (p) => new AdamW(p, { learningRate: 0.05, beta1: 0.8, beta2: 0.95, weightDecay: 0.5 }),
  sgd: (p) => new StochasticGradientDescent(p, { learningRate: 0.1 }),
  sgd_momentum: (p) => new StochasticGradientDescent(p, { learningRate: 0.1, momentum: 0.9, weightDecay: 0.01 }),
  sgd_nesterov: (p) => new StochasticGradientDescent(p, { learningRate: 0.1, momentum: 0.9, nesterov: true }),
  adam_clipped: (p) => new Adam(p, { learningRate: 0.01 }),
  sgd_scheduled: (p) => new StochasticGradientDescent(p, { learningRate: scheduled }),
};

test.each(Object.keys(optimizers))("%s takes PyTorch's twenty steps", (name) => {
  const { parameters: expected, norms, rates } = golden.cases[name]!;
  const parameters = parametersOf(golden.start);
  const optimizer = optimizers[name]!(parameters);
  golden.gradients.forEach((values, step) => {
    const gradients = parametersOf(values);
    if (norms.length > 0) {
      expect(clipGlobalNorm(gradients, 0.7)).toBeCloseTo(norms[step]!, 5);
    }
    expect(optimizer.learningRate).toBeCloseTo(rates[step]!, 9);
    optimizer.update(gradients);
    expectAllClose(parameters.data, expected[step]!, { absolute: 1e-6, relative: 1e-6 });
  });
  expect(optimizer.step).toBe(20);
});

test("a case is not another: after twenty steps all differ", () => {
  const ends = Object.values(golden.cases).map(({ parameters }) =>
    parameters
      .at(-1)!
      .map((value) => value.toFixed(4))
      .join(),
  );
  expect(new Set(ends).size).toBe(ends.length);
});

test("the moving average is PyTorch's", () => {
  const average = new ExponentialMovingAverage(parametersOf(golden.start), { decay: 0.9 });
  golden.cases.adam!.parameters.forEach((values, step) => {
    average.update(parametersOf(values));
    expectAllClose(average.parameters.data, golden.averages[step]!, { absolute: 1e-6, relative: 1e-6 });
  });
});
