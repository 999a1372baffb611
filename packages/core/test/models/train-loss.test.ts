import {
  ArgumentError,
  collate,
  DDTensor,
  OptimalTransport,
  outputTypes,
  RandomKey,
  ShapeError,
  Trigonometric,
} from "@diffusiongym/core";
import { describe, expect, it } from "vitest";
import { expectAllClose } from "../../../../tooling/test/close.js";
import { GaussianModel } from "../support/gaussian-model.js";
import { clouds, example, particleSchedulers, particles, points } from "../support/subjects.js";

const model = new GaussianModel<DDTensor, object>({ template: points, scheduler: new OptimalTransport() });
const streams = (seed = 0, offset = 0) => RandomKey.fromSeed(seed).streams(offset);

describe("trainLoss", () => {
  it("draws times and noise from the streams only, sample by sample", async () => {
    const x1 = example(points)(1);
    const pair = model.trainingPair(x1, { streams: streams() });
    const parts = [
      model.trainingPair(x1.slice(0, 2), { streams: streams() }),
      model.trainingPair(x1.slice(2), { streams: streams(0, 2) }),
    ];
    expect(parts.flatMap(({ t }) => Array.from(t))).toEqual(Array.from(pair.t));
    for (const field of ["x0", "xt", "target"] as const) {
      expect(collate(parts.map((part) => part[field])).data).toEqual(pair[field].data);
    }
    expect(model.trainingPair(x1, { streams: streams(1) }).t).not.toEqual(pair.t);
    const whole = await model.trainLoss(x1, { streams: streams() });
    const half = await model.trainLoss(x1.slice(2), { streams: streams(0, 2) });
    expect(Array.from(half)).toEqual(Array.from(whole.slice(2)));
  });

  it("draws times that are uniform and tell nothing of the noise", () => {
    const n = 4000;
    const { t, x0 } = model.trainingPair(points(n), { streams: streams() });
    const mean = (values: ArrayLike<number>): number => Array.from(values).reduce((sum, value) => sum + value, 0) / n;
    expect(Math.abs(mean(t) - 0.5)).toBeLessThan(4 * Math.sqrt(1 / 12 / n));
    expect(Math.abs(mean(t.map((time) => time ** 2)) - 1 / 3)).toBeLessThan(4 * Math.sqrt(4 / 45 / n));
    // A stream that gave both would tie the radius or the angle of the first normals to the time.
    const first = Float32Array.from({ length: n }, (_, i) => x0.data[3 * i]!);
    const second = Float32Array.from({ length: n }, (_, i) => x0.data[3 * i + 1]!);
    for (const statistic of [
      (i: number) => first[i]!,
      (i: number) => second[i]!,
      (i: number) => (first[i]! ** 2 + second[i]! ** 2) / 2 - 1,
    ]) {
      const correlation = mean(Float32Array.from(t, (time, i) => (time - 0.5) * Math.sqrt(12) * statistic(i)));
      expect(Math.abs(correlation)).toBeLessThan(4 / Math.sqrt(n));
    }
  });

  it.each(outputTypes)("%s: is the mean square of the distance to the target, by hand", async (outputType) => {
    const scheduler = new Trigonometric();
    const own = new GaussianModel<DDTensor, object>({ template: points, scheduler, outputType });
    const [x1, x0] = [example(points)(1), example(points)(2)];
    const t = Float32Array.from({ length: 6 }, (_, i) => 0.1 + 0.15 * i);
    const loss = await own.trainLoss(x1, { t, x0 });
    for (let i = 0; i < 6; i++) {
      const time = t[i]!;
      const [alpha, beta] = [scheduler.alpha(time), scheduler.beta(time)];
      const { slope, offset } = own.output(scheduler, time);
      let sum = 0;
      for (let j = 0; j < 3; j++) {
        const [data, noise] = [x1.data[3 * i + j]!, x0.data[3 * i + j]!];
        const targets = {
          velocity: scheduler.alphaDot(time) * data + scheduler.betaDot(time) * noise,
          epsilon: noise,
          endpoint: data,
          score: -noise / beta,
        };
        sum += (slope * (alpha * data + beta * noise) + offset - targets[outputType]) ** 2 / 3;
      }
      expectAllClose([loss[i]!], [sum], { relative: 1e-4 });
    }
  });

  it("finds the noise again from the noised data", () => {
    const [x1, x0] = [example(points)(1), example(points)(2)];
    const t = new Float32Array(6).fill(0.4);
    const { xt } = model.trainingPair(x1, { t, x0 });
    const again = model.trainingPair(x1, { t, xt });
    expectAllClose(again.x0.data, x0.data, { relative: 1e-5, absolute: 1e-5 });
    expect(again.xt).toBe(xt);
  });

  it("takes records with a scheduler a part, and ragged data", async () => {
    const recordModel = new GaussianModel({ template: particles, scheduler: particleSchedulers() });
    const loss = await recordModel.trainLoss(example(particles)(1), { streams: streams() });
    expect(loss).toHaveLength(6);
    const raggedModel = new GaussianModel({ template: clouds, scheduler: new OptimalTransport() });
    const ragged = await raggedModel.trainLoss(example((n) => clouds(n))(1), { streams: streams() });
    expect([...loss, ...ragged].every((value) => Number.isFinite(value) && value > 0)).toBe(true);
  });

  it("says what is missing and what does not fit", async () => {
    const x1 = example(points)(1);
    const t = new Float32Array(6).fill(0.5);
    await expect(model.trainLoss(x1)).rejects.toThrowError(ArgumentError);
    await expect(model.trainLoss(x1)).rejects.toThrowError(/"t" is not given, so it must be drawn; give "streams"/);
    await expect(model.trainLoss(x1, { t })).rejects.toThrowError(/"x0" is not given/);
    await expect(model.trainLoss(x1, { t: t.slice(1) })).rejects.toThrowError(/5 times for 6 samples/);
    await expect(model.trainLoss(x1, { t, x0: x1.slice(1) })).rejects.toThrowError(ShapeError);
    const narrow = model.trainLoss(x1, { t, x0: x1, prediction: DDTensor.from(new Float32Array(6), [6, 1]) });
    await expect(narrow).rejects.toThrowError(/The prediction has shape \[6, 1\]; \[6, 3\] is needed/);
    const broken = x1.mul(Float32Array.of(1, 1, Number.NaN, 1, 1, 1));
    await expect(model.trainLoss(broken, { t, x0: x1 })).rejects.toThrowError(/x1 holds NaN in sample 2/);
    const diverged = model.trainLoss(x1, { t, x0: x1, prediction: broken });
    await expect(diverged).rejects.toThrowError(/The prediction holds NaN in sample 2/);
    const late = model.trainLoss(x1, { t: t.map(() => 1.5), x0: x1 });
    await expect(late).rejects.toThrowError(/time must be in \[0, 1\]/);
  });

  it("waits for a model that is asynchronous", async () => {
    class Later extends GaussianModel<DDTensor, object> {
      override forward(x: DDTensor, t: Float32Array): DDTensor {
        return Promise.resolve(super.forward(x, t, {})) as unknown as DDTensor;
      }
    }
    const later = new Later(model.options);
    const x1 = example(points)(1);
    const [a, b] = [later, model].map((one) => one.trainLoss(x1, { streams: streams() }));
    expect(await a).toEqual(await b);
  });
});
