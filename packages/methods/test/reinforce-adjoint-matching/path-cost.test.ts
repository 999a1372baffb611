import {
  DDRecord,
  DDTensor,
  OptimalTransport,
  type OutputType,
  outputTypes,
  RandomKey,
  type Scheduler,
  Trigonometric,
} from "@diffusiongym/core";
import { controlEnergy, noiseThroughIntermediate, pathCostDirection, reinforceTarget } from "@diffusiongym/methods";
import { describe, expect, it } from "vitest";
import { GaussianModel } from "../support/gaussian-model.js";
import { GaussianRecordModel } from "../support/record-model.js";

const moments = (values: ArrayLike<number>): { mean: number; error: number } => {
  const n = values.length;
  const mean = Array.from(values).reduce((sum, value) => sum + value, 0) / n;
  const variance = Array.from(values).reduce((sum, value) => sum + (value - mean) ** 2, 0) / n;
  return { mean, error: Math.sqrt(variance / n) };
};

/** Least squares of y on 1 and x, with standard errors that allow for unequal variances. */
function line(x: ArrayLike<number>, y: ArrayLike<number>): { value: number; error: number }[] {
  const n = x.length;
  const centre = moments(x).mean;
  const level = moments(y).mean;
  let [xx, xy] = [0, 0];
  for (let i = 0; i < n; i++) {
    xx += (x[i]! - centre) ** 2;
    xy += (x[i]! - centre) * (y[i]! - level);
  }
  const slope = xy / xx;
  let [ee, exx] = [0, 0];
  for (let i = 0; i < n; i++) {
    const residual = (y[i]! - level - slope * (x[i]! - centre)) ** 2;
    ee += residual;
    exx += residual * (x[i]! - centre) ** 2;
  }
  return [
    { value: level, error: Math.sqrt(ee) / n },
    { value: slope, error: Math.sqrt(exx) / xx },
  ];
}

describe("A7: the cost of the path without a rollout", () => {
  it("estimates the integral of 1/2 |u|^2 for a control of the form c (1 - t): .522667 for t = .3, c = 2", () => {
    const model = new GaussianModel();
    const n = 20_000;
    const x1 = DDTensor.randn(n, [1], RandomKey.fromSeed(1).streams());
    const { s, costFactor } = noiseThroughIntermediate({
      model,
      x1,
      key: RandomKey.fromSeed(2),
      timeRange: [0.3, 0.3 + 1e-6],
    });
    const difference = DDTensor.from(
      Array.from(s, (time) => 2 * (1 - time)),
      [n, 1],
    );
    const energy = controlEnergy(model, difference, s);
    const { mean, error } = moments(energy.map((value, i) => value * costFactor[i]!));
    expect(Math.abs(mean - 0.522667)).toBeLessThan(4 * error);
    expect(error).toBeLessThan(0.004);
  });

  it("noises as ever: x_t and x_0 have their laws, and x_s lies on the way", () => {
    const scheduler = new Trigonometric();
    const model = new GaussianModel({ scheduler });
    const n = 20_000;
    const x1 = DDTensor.from(new Array<number>(n).fill(1.5), [n, 1]);
    const { xt, x0, xs, s, t } = noiseThroughIntermediate({
      model,
      x1,
      key: RandomKey.fromSeed(3),
      timeRange: [0.4, 0.4 + 1e-6],
    });
    const own = moments(x0.data);
    expect(Math.abs(own.mean)).toBeLessThan(4 * own.error);
    expect(Math.abs(moments(x0.data.map((value) => value * value)).mean - 1)).toBeLessThan(0.05);
    // Given x1, Cov(x_t, x_s) = alpha_t / alpha_s beta_s^2.
    const ratio = xt.data.map((value, i) => {
      const noise = value - scheduler.alpha(t[i]!) * 1.5;
      const before = xs.data[i]! - scheduler.alpha(s[i]!) * 1.5;
      const rho = scheduler.alpha(t[i]!) / scheduler.alpha(s[i]!);
      return (noise * before) / (rho * scheduler.beta(s[i]!) ** 2);
    });
    const { mean, error } = moments(ratio);
    expect(Math.abs(mean - 1)).toBeLessThan(4 * error);
  });

  it("sums over the parts of a record", () => {
    const model = new GaussianRecordModel(new OptimalTransport());
    const start = model.sampleP0(3, RandomKey.fromSeed(1).streams()).x;
    const t = Float32Array.of(0.2, 0.5, 0.7);
    const energy = controlEnergy(model, start, t);
    const norm = start.squaredNorm();
    // |v|^2 / eta with eta = (1 - t) / t.
    t.forEach((time, i) => {
      expect(energy[i]!).toBeCloseTo((norm[i]! * time) / (1 - time), 4);
    });
    expect(start).toBeInstanceOf(DDRecord);
  });
});

// Base model N(m, v), r = -1/2 (x - 1)^2: the tilt by lambda is the normal law with precision 1 / v + lambda.
const lambda = 0.9;
const base = { mean: -0.4, variance: 0.49 };
const precision = 1 / base.variance + lambda;
const tilt = { mean: (base.mean / base.variance + lambda) / precision, variance: 1 / precision };
const rewardOf = (x: number): number => -((x - 1) ** 2) / 2;

/** Mean of the target minus the output at the tilt, as a line in x_t. */
function residual(
  { outputType, scheduler, t }: { outputType: OutputType; scheduler: Scheduler; t: number },
  pathCost: boolean,
): { value: number; error: number }[] {
  const n = 30_000;
  const reference = new GaussianModel({
    mean: base.mean,
    deviation: Math.sqrt(base.variance),
    outputType,
    scheduler,
  });
  const policy = new GaussianModel({ mean: tilt.mean, deviation: Math.sqrt(tilt.variance), outputType, scheduler });
  const x1 = DDTensor.randn(n, [1], RandomKey.fromSeed(5).streams()).mul(Math.sqrt(tilt.variance)).add(tilt.mean);
  const noised = noiseThroughIntermediate({
    model: reference,
    x1,
    key: RandomKey.fromSeed(6),
    timeRange: [t, t + 1e-6],
  });
  const { xt, xs, s } = noised;
  const output = policy.forward(xt, noised.t);
  // E[r | x_t] under the tilt, for a baseline that is exact.
  const alpha = scheduler.alpha(t);
  const gain = (alpha * tilt.variance) / (alpha ** 2 * tilt.variance + scheduler.beta(t) ** 2);
  const left = tilt.variance * (1 - gain * alpha);
  const baseline = xt.data.map((x) => {
    const mean = tilt.mean + gain * (x - alpha * tilt.mean);
    return -((mean - 1) ** 2 + left) / 2;
  });
  const advantages = x1.data.map((x, i) => lambda * (rewardOf(x) - baseline[i]!));
  let target = reinforceTarget(
    { reference: reference.forward(xt, noised.t), output, conditional: noised.target },
    advantages,
  );
  if (pathCost) {
    const difference = policy.forward(xs, s).sub(reference.forward(xs, s));
    const cost = controlEnergy(reference, difference, s).map((energy, i) => energy * noised.costFactor[i]!);
    const mean = moments(cost).mean;
    target = target.linearCombination(1, [
      [cost.map((value) => value - mean), pathCostDirection(reference, noised, output)],
    ]);
  }
  return line(xt.data, target.sub(output).data);
}

describe("A4: with the path cost the tilt is the fixed point", () => {
  const scheduler = new OptimalTransport();

  it.each(outputTypes)("%s: the mean of the target is the tilt's own output, at every x_t", (outputType) => {
    for (const t of [0.25, 0.6]) {
      for (const { value, error } of residual({ outputType, scheduler, t }, true)) {
        expect(Math.abs(value)).toBeLessThan(4 * error);
      }
    }
  });

  it("and without it is not", () => {
    const lines = residual({ outputType: "velocity", scheduler, t: 0.25 }, false);
    expect(lines.some(({ value, error }) => Math.abs(value) > 10 * error)).toBe(true);
  });

  it("on another path", () => {
    for (const { value, error } of residual({ outputType: "epsilon", scheduler: new Trigonometric(), t: 0.5 }, true)) {
      expect(Math.abs(value)).toBeLessThan(4 * error);
    }
  });
});
