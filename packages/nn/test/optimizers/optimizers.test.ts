import { ArgumentError, IncompatibleError, NonFiniteError, ShapeError } from "@diffusiongym/core";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  Adam,
  AdamW,
  clipGlobalNorm,
  cosineSchedule,
  ExponentialMovingAverage,
  globalNorm,
  type Optimizer,
  StochasticGradientDescent,
} from "../../src/optimizers/index.js";
import { Parameters } from "../../src/parameters/index.js";

const shapes = [
  { name: "weight", shape: [2, 2] },
  { name: "bias", shape: [3] },
];

function filled(value: (i: number) => number): Parameters {
  const parameters = new Parameters(shapes);
  parameters.data.forEach((_, i) => {
    parameters.data[i] = value(i);
  });
  return parameters;
}

const start = (): Parameters => filled((i) => 1 - 0.3 * i);
const gradientAt = (step: number): Parameters => filled((i) => Math.sin(1.3 * i + step) * 10 ** ((i % 3) - 1));

/** PyTorch's documented algorithms, one scalar at a time in double precision. */
type Rule = (p: number, g: number, memory: { a: number; b: number }, step: number) => number;
const adamRule =
  (lr: number, [b1, b2]: readonly [number, number], eps: number, decay: { l2?: number; decoupled?: number }): Rule =>
  (p, g, memory, step) => {
    const penalised = g + (decay.l2 ?? 0) * p;
    memory.a = b1 * memory.a + (1 - b1) * penalised;
    memory.b = b2 * memory.b + (1 - b2) * penalised ** 2;
    const meanHat = memory.a / (1 - b1 ** step);
    const squareHat = memory.b / (1 - b2 ** step);
    return p * (1 - lr * (decay.decoupled ?? 0)) - (lr * meanHat) / (Math.sqrt(squareHat) + eps);
  };
const sgdRule =
  (lr: number, momentum: number, nesterov: boolean, l2: number): Rule =>
  (p, g, memory, step) => {
    const penalised = g + l2 * p;
    memory.a = step === 1 ? penalised : momentum * memory.a + penalised;
    return p - lr * (nesterov ? penalised + momentum * memory.a : memory.a);
  };

const cases: [string, (parameters: Parameters) => Optimizer, Rule][] = [
  ["Adam", (p) => new Adam(p, { learningRate: 0.01 }), adamRule(0.01, [0.9, 0.999], 1e-8, {})],
  [
    "Adam with other constants and an L2 penalty",
    (p) => new Adam(p, { learningRate: 0.02, beta1: 0.5, beta2: 0.9, epsilon: 1e-3, weightDecay: 0.1 }),
    adamRule(0.02, [0.5, 0.9], 1e-3, { l2: 0.1 }),
  ],
  ["AdamW", (p) => new AdamW(p, { learningRate: 0.05 }), adamRule(0.05, [0.9, 0.999], 1e-8, { decoupled: 0.01 })],
  [
    "AdamW with much decay",
    (p) => new AdamW(p, { learningRate: 0.05, weightDecay: 0.5 }),
    adamRule(0.05, [0.9, 0.999], 1e-8, { decoupled: 0.5 }),
  ],
  ["plain descent", (p) => new StochasticGradientDescent(p, { learningRate: 0.1 }), sgdRule(0.1, 0, false, 0)],
  [
    "momentum",
    (p) => new StochasticGradientDescent(p, { learningRate: 0.1, momentum: 0.9, weightDecay: 0.01 }),
    sgdRule(0.1, 0.9, false, 0.01),
  ],
  [
    "Nesterov momentum",
    (p) => new StochasticGradientDescent(p, { learningRate: 0.1, momentum: 0.9, nesterov: true }),
    sgdRule(0.1, 0.9, true, 0),
  ],
];

describe.each(cases)("%s", (_, make, rule) => {
  test("follows PyTorch's algorithm", () => {
    const parameters = start();
    const optimizer = make(parameters);
    const expected = Float64Array.from(parameters.data);
    const memories = Array.from(expected, () => ({ a: 0, b: 0 }));
    for (let step = 1; step <= 20; step++) {
      const gradients = gradientAt(step);
      optimizer.update(gradients);
      expected.forEach((p, i) => {
        expected[i] = rule(p, gradients.data[i]!, memories[i]!, step);
      });
      // The reference is in doubles and parameters are floats, whose rounding adds up over the steps.
      parameters.data.forEach((value, i) => {
        expect(Math.abs(value - expected[i]!)).toBeLessThan(1e-6 * Math.max(1, Math.abs(expected[i]!)));
      });
    }
    expect(optimizer.step).toBe(20);
  });

  test("a run that is stopped, saved and continued has the same bits", () => {
    const whole = start();
    const uninterrupted = make(whole);
    const first = start();
    const before = make(first);
    for (let step = 0; step < 7; step++) {
      uninterrupted.update(gradientAt(step));
      before.update(gradientAt(step));
    }
    const saved = before.state();
    const second = first.clone();
    before.update(gradientAt(100));
    const after = make(second);
    after.restore(saved);
    for (let step = 7; step < 15; step++) {
      uninterrupted.update(gradientAt(step));
      after.update(gradientAt(step));
    }
    expect(second.data).toEqual(whole.data);
    expect(after.state()).toEqual(uninterrupted.state());
  });

  test("gradients that are not finite change nothing and are named", () => {
    const parameters = start();
    const optimizer = make(parameters);
    optimizer.update(gradientAt(0));
    const before = [parameters.data.slice(), optimizer.state()];
    for (const bad of [Number.NaN, Infinity, -Infinity]) {
      const gradients = gradientAt(1);
      gradients.get("bias").data[1] = bad;
      expect(() => optimizer.update(gradients)).toThrow(NonFiniteError);
      expect(() => optimizer.update(gradients)).toThrow(/gradient of "bias" holds (NaN|-?Infinity) at entry 1/);
    }
    expect([parameters.data, optimizer.state()]).toEqual(before);
  });
});

test("the first step of Adam, by hand", () => {
  const parameters = new Parameters([{ name: "w", shape: [2] }]);
  parameters.data.set([1, -1]);
  const gradients = new Parameters([{ name: "w", shape: [2] }]);
  gradients.data.set([0.1, -2]);
  // m = 0.1 g and v = 0.001 g^2, corrected to g and g^2: a step of learningRate * sign(g).
  new Adam(parameters, { learningRate: 0.5, epsilon: 0 }).update(gradients);
  expect(parameters.data).toEqual(Float32Array.of(0.5, -0.5));
});

test("a schedule gives the rate of each update", () => {
  const parameters = start();
  const optimizer = new StochasticGradientDescent(parameters, { learningRate: cosineSchedule({ peak: 1, steps: 4 }) });
  const ones = filled(() => 1);
  const rates: number[] = [];
  for (let step = 0; step < 6; step++) {
    rates.push(optimizer.learningRate);
    optimizer.update(ones);
  }
  expect(rates.map((rate) => rate.toFixed(6))).toEqual([
    "1.000000",
    "0.853553",
    "0.500000",
    "0.146447",
    "0.000000",
    "0.000000",
  ]);
  expect(parameters.data[0]!).toBeCloseTo(1 - 2.5, 6);
});

describe("what is refused", () => {
  test("options out of range", () => {
    const p = start();
    expect(() => new Adam(p, { learningRate: -1 })).toThrow(/learning rate must be finite and >= 0, got -1/);
    expect(() => new Adam(p, { learningRate: Number.NaN })).toThrow(ArgumentError);
    expect(() => new Adam(p, { learningRate: 1, beta1: 1 })).toThrow(/beta1 must be a number in \[0, 1\), got 1/);
    expect(() => new AdamW(p, { learningRate: 1, weightDecay: -1 })).toThrow(/weightDecay/);
    expect(() => new StochasticGradientDescent(p, { learningRate: 1, momentum: 2 })).toThrow(/momentum/);
    expect(() => new ExponentialMovingAverage(p, { decay: 1 })).toThrow(/decay/);
    expect(() => clipGlobalNorm(p, 0)).toThrow(/maxNorm must be > 0/);
  });

  test("gradients of another network", () => {
    const other = new Parameters([{ name: "weights", shape: [2, 2] }, shapes[1]!]);
    const adam = new Adam(start(), { learningRate: 1 });
    expect(() => adam.update(other)).toThrow(/Missing: "weight" \(near to "weights"\)/);
    expect(() => new ExponentialMovingAverage(start(), { decay: 0 }).update(other)).toThrow(IncompatibleError);
  });

  test("the state of another optimizer", () => {
    const adam = new Adam(start(), { learningRate: 1 });
    const sgd = new StochasticGradientDescent(start(), { learningRate: 1 });
    expect(() => adam.restore(sgd.state())).toThrow(/holds \[direction\] and Adam needs \[mean, square\]/);
    const small = new Adam(new Parameters([shapes[0]!]), { learningRate: 1 });
    expect(() => adam.restore(small.state())).toThrow(ShapeError);
    expect(() => adam.restore({ ...adam.state(), step: 1.5 })).toThrow(/step must be a whole number/);
    expect(adam.step).toBe(0);
  });
});

describe("clipping", () => {
  test("gives the norm before, keeps the direction, and leaves small gradients alone", () => {
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: -1e3, max: 1e3, noNaN: true }), { minLength: 7, maxLength: 7 }),
        fc.double({ min: 1e-3, max: 1e3, noNaN: true }),
        (values, maxNorm) => {
          const gradients = filled((i) => values[i]!);
          const before = gradients.data.slice();
          const norm = Math.hypot(...before);
          expect(clipGlobalNorm(gradients, maxNorm)).toBeCloseTo(norm, 6);
          if (norm <= maxNorm) {
            expect(gradients.data).toEqual(before);
          } else {
            expect(globalNorm(gradients) / maxNorm).toBeCloseTo(1, 5);
            gradients.data.forEach((value, i) => {
              expect(value).toBeCloseTo((before[i]! * maxNorm) / norm, 3);
            });
          }
        },
      ),
      { seed: 4, numRuns: 200 },
    );
  });

  test("norms beyond the range of float32 are numbers, and non-finite entries are errors", () => {
    expect(globalNorm(filled(() => 3e38)) / (3e38 * Math.sqrt(7))).toBeCloseTo(1, 6);
    const broken = filled((i) => (i === 2 ? -Infinity : 1));
    expect(() => clipGlobalNorm(broken, 1)).toThrow(/gradient of "weight" holds -Infinity at entry 2/);
    expect(broken.data[0]).toBe(1);
  });
});

describe("ExponentialMovingAverage", () => {
  test("is the average by its definition", () => {
    const parameters = filled(() => 1);
    const average = new ExponentialMovingAverage(parameters, { decay: 0.75 });
    parameters.data.fill(5);
    average.update(parameters);
    expect(average.parameters.data[0]).toBe(2);
    average.update(parameters);
    expect(average.parameters.data[0]).toBe(2.75);
    expect(parameters.data[0]).toBe(5);
  });

  test("with warm-up the start is forgotten faster", () => {
    const parameters = filled(() => 0);
    const average = new ExponentialMovingAverage(parameters, { decay: 0.999, warmup: true });
    parameters.data.fill(1);
    average.update(parameters);
    expect(average.parameters.data[0]).toBeCloseTo(0.9, 6);
    average.update(parameters);
    expect(average.parameters.data[0]).toBeCloseTo(1 - 0.1 * (2 / 11), 6);
  });

  test("continues from a saved state with the same bits", () => {
    const whole = new ExponentialMovingAverage(start(), { decay: 0.9, warmup: true });
    for (let step = 0; step < 3; step++) whole.update(gradientAt(step));
    const resumed = new ExponentialMovingAverage(start(), { decay: 0.9, warmup: true });
    resumed.restore(whole.state());
    for (let step = 3; step < 6; step++) {
      whole.update(gradientAt(step));
      resumed.update(gradientAt(step));
    }
    expect(resumed.state()).toEqual(whole.state());
  });
});

test("an optimizer says its kind and settings, so that a run of other settings can be told apart", () => {
  const parameters = start();
  const described = cases.map(([, make]) => JSON.stringify(make(parameters).describe()));
  expect(new Set(described).size).toBe(described.length);
  expect(new AdamW(parameters, { learningRate: 0.1, beta2: 0.99 }).describe()).toEqual({
    kind: "AdamW",
    beta1: 0.9,
    beta2: 0.99,
    epsilon: 1e-8,
    weightDecay: 0.01,
  });
  const halving = new Adam(parameters, { learningRate: (step) => 2 ** -step });
  expect([halving.learningRate, halving.learningRateAt(3)]).toEqual([1, 0.125]);
});
