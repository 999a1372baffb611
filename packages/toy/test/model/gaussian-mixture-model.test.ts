import {
  DDTensor,
  listBaseModels,
  make,
  makeBaseModel,
  OptimalTransport,
  outputTypes,
  RandomKey,
} from "@diffusiongym/core";
import { checkBaseModel, checkEnvironment } from "@diffusiongym/core/testing";
import { describe, expect, it } from "vitest";
import { GaussianMixture, GaussianMixtureModel } from "../../src/index.js";
import { golden, goldenMixture } from "../fixtures/gmm.js";
import { scheduleNames, schedulers } from "../fixtures/schedulers.js";

describe("the model", () => {
  it.each(golden.fields.map((field) => [`${field.mixture} ${field.schedule} t=${field.t}`, field] as const))(
    "agrees with the goldens in 32 bits: %s",
    (_, field) => {
      const x = DDTensor.from(field.x.data, field.x.shape);
      const t = new Float32Array(x.length).fill(field.t);
      for (const outputType of outputTypes) {
        const model = new GaussianMixtureModel({
          mixture: goldenMixture(field.mixture),
          scheduler: schedulers[field.schedule],
          outputType,
        });
        // METHODS T1: 1e-5 in 32 bits; t itself is rounded, which near t = 1 moves the state's scale most
        model.forward(x, t).data.forEach((value, j) => {
          const expected = field[outputType].data[j]!;
          expect(Math.abs(value - expected)).toBeLessThan(1e-5 * (1 + Math.abs(expected)));
        });
      }
    },
  );

  it.each(scheduleNames)("keeps the promises of a base model under %s, for every output", async (schedule) => {
    for (const outputType of outputTypes) {
      const mixture = goldenMixture("gmm2dFull");
      await checkBaseModel(new GaussianMixtureModel({ mixture, scheduler: schedulers[schedule], outputType }));
    }
  });

  it("gives samples with mixed times what they get alone", () => {
    const model = new GaussianMixtureModel({ mixture: goldenMixture("gmm2dIso") });
    const x = DDTensor.randn(6, [2], RandomKey.fromSeed(0).streams());
    const t = Float32Array.of(0.1, 0.1, 0.7, 0.1, 0.9, 0.9);
    const whole = model.forward(x, t);
    for (let i = 0; i < 6; i++) {
      expect(model.forward(x.at(i), t.slice(i, i + 1)).data).toEqual(whole.at(i).data);
    }
  });

  it("the velocity regresses the flow-matching target: its training loss is the least", async () => {
    const mixture = goldenMixture("gmm1d");
    const model = new GaussianMixtureModel({ mixture });
    const n = 4000;
    const x1 = DDTensor.from(mixture.sample(n, RandomKey.fromSeed(1).streams()), [n, 1]);
    const streams = RandomKey.fromSeed(2).streams();
    const { xt, t } = model.trainingPair(x1, { streams });
    const mean = (values: Float32Array): number => values.reduce((sum, value) => sum + value / n, 0);
    const exact = model.forward(xt, t);
    const best = mean(await model.trainLoss(x1, { streams }));
    for (const factor of [0.95, 1.05]) {
      expect(mean(await model.trainLoss(x1, { streams, prediction: exact.scale(factor) }))).toBeGreaterThan(best);
    }
  });

  it.each(["gmm1d", "gmm2dIso", "gmm2dFull"] as const)(
    "differentiates every output with respect to the state as finite differences do: %s",
    (name) => {
      const mixture = goldenMixture(name);
      const d = mixture.dimension;
      const x = Float64Array.from({ length: 6 * d }, (_, j) => 1.7 * Math.sin(3 * j + 1));
      const a = Float64Array.from({ length: 6 * d }, (_, j) => Math.cos(2 * j));
      for (const outputType of outputTypes) {
        for (const schedule of scheduleNames) {
          for (const t of [0.15, 0.6, 0.9]) {
            const view = mixture.atTime(schedulers[schedule], t);
            const gradient = view.vjp(outputType, x, a);
            for (let j = 0; j < x.length; j++) {
              const along = (step: number): number =>
                view
                  .output(
                    outputType,
                    x.map((value, i) => value + Number(i === j) * step),
                  )
                  .reduce((sum, value, i) => sum + value * a[i]!, 0);
              const expected = (along(1e-5) - along(-1e-5)) / 2e-5;
              expect(Math.abs(gradient[j]! - expected)).toBeLessThan(1e-6 * (1 + Math.abs(expected)));
            }
          }
        }
      }
    },
  );

  it("gives the output and its gradient in 32 bits, with mixed times", () => {
    for (const outputType of outputTypes) {
      const model = new GaussianMixtureModel({ mixture: goldenMixture("gmm2dFull"), outputType });
      const x = DDTensor.randn(4, [2], RandomKey.fromSeed(0).streams());
      const cotangents = DDTensor.randn(4, [2], RandomKey.fromSeed(1).streams());
      const t = Float32Array.of(0.2, 0.5, 0.5, 0.8);
      const { output, gradient } = model.vjp({ x, t, cotangents });
      expect(output.data).toEqual(model.forward(x, t).data);
      for (let i = 0; i < 4; i++) {
        const view = model.mixture.atTime(model.scheduler, t[i]!);
        const exact = view.vjp(outputType, x.at(i).data, cotangents.at(i).data);
        expect(gradient.at(i).data).toEqual(Float32Array.from(exact));
      }
      expect(() => model.vjp({ x, t, cotangents: cotangents.at(0) })).toThrow(/\[1, 2\]; \[4, 2\] is needed/);
    }
  });

  it("refuses points of another dimension and times that are not one a sample", () => {
    const model = new GaussianMixtureModel({ mixture: goldenMixture("gmm2dIso") });
    const error = expect.objectContaining({ name: "ShapeError" });
    expect(() => model.forward(DDTensor.from([[1, 2, 3]]), Float32Array.of(0.5))).toThrow(error);
    expect(() => model.forward(DDTensor.from([[1, 2]]), Float32Array.of(0.5, 0.5))).toThrow(error);
  });
});

describe("the registered mixtures", () => {
  it("are those of the documents", async () => {
    const line = await makeBaseModel("toy/gmm");
    const plane = await makeBaseModel("toy/gmm2d");
    expect((line as GaussianMixtureModel).mixture).toEqual(
      GaussianMixture.from({ weights: [0.5, 0.5], means: [0, 3], standardDeviations: [1, 0.4] }),
    );
    const { mixture } = plane as GaussianMixtureModel;
    expect([...mixture.means].sort()).toEqual([-2, -2, -2, -2, 2, 2, 2, 2]);
    expect(mixture.weights).toEqual(Float64Array.of(0.25, 0.25, 0.25, 0.25));
    expect(mixture.variances.every((variance) => variance === 0.35 ** 2)).toBe(true);
    expect(listBaseModels().map(({ id }) => id)).toEqual(expect.arrayContaining(["toy/gmm", "toy/gmm2d"]));
  });

  it.each(["toy/gmm", "toy/gmm2d"] as const)(
    "%s makes an environment that keeps its promises, spec included",
    async (id) => {
      for (const outputType of outputTypes) {
        const environment = await make(id, "toy/linear", {
          steps: 12,
          rewardScale: 0.5,
          baseModel: { outputType, scheduler: { type: "trigonometric" } },
        });
        await checkEnvironment(environment);
      }
    },
  );

  it("take another mixture, whole or in part", async () => {
    const other = (await makeBaseModel("toy/gmm", {
      means: [
        [0, 0, 0],
        [1, 1, 1],
      ],
    })) as GaussianMixtureModel;
    expect(other.mixture.dimension).toBe(3);
    expect(other.mixture.weights).toEqual(Float64Array.of(0.5, 0.5));
    expect(other.mixture.variances).toEqual(new Float64Array(6).fill(1));
    const reweighted = (await makeBaseModel("toy/gmm", { weights: [0.9, 0.1] })) as GaussianMixtureModel;
    expect(reweighted.mixture.weights[0]).toBeCloseTo(0.9);
    expect(reweighted.mixture.variances[1]).toBeCloseTo(0.16);
    const wider = (await makeBaseModel("toy/gmm", { covariances: [[[4]], [[4]]] })) as GaussianMixtureModel;
    expect([...wider.mixture.variances]).toEqual([4, 4]);
    expect(wider.scheduler).toBeInstanceOf(OptimalTransport);
  });

  it("refuse an unknown output type or path with the nearest name", async () => {
    await expect(makeBaseModel("toy/gmm", { outputType: "velocty" as "velocity" })).rejects.toThrow(
      /did you mean "velocity"/,
    );
    await expect(makeBaseModel("toy/gmm", { scheduler: { type: "cosin" } as never })).rejects.toThrow(/cosine/);
  });
});
