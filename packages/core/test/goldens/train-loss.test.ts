import { describe, expect, it } from "vitest";
import { expectAllClose, type Tolerance } from "../../../../tooling/test/close.js";
import { loadFixture } from "../../../../tooling/test/fixtures.js";
import { type DDTensor, type OutputType, ShapeError, type TrainLossOptions } from "../../src/index.js";
import {
  batch,
  buildScheduler,
  floats,
  type GoldenArray,
  type GoldenArrays,
  type GoldenScheduler,
  numbers,
} from "../support/golden.js";
import { type ReferenceConditioning, ReferenceModel, ReferenceNetworks } from "../support/reference-model.js";

interface GoldenCase {
  readonly group: "train_loss" | "edge_t" | "train_base_model" | "errors";
  readonly name: string;
  readonly output_type: OutputType;
  readonly scheduler: GoldenScheduler;
  readonly mode: "xt_t_pred" | "xt_t" | "noise_t";
  readonly params: string;
  readonly x1: GoldenArray;
  readonly t: GoldenArray;
  readonly weights?: GoldenArray;
  readonly xt?: GoldenArray;
  readonly pred?: GoldenArray;
  readonly x0_noise?: GoldenArray;
  readonly expected: { readonly [precision in "f32" | "f64"]: { readonly loss: GoldenArray; weighted_mean?: number } };
}

const golden = await loadFixture<{
  readonly params: { readonly [name: string]: GoldenArrays };
  readonly alpha_bars: GoldenArrays;
  readonly cases: readonly GoldenCase[];
}>("packages/core/test/fixtures/reference-train-loss.json.gz");

/** The file's tolerance for a float32 implementation. */
const single: Tolerance = { relative: 5e-5 };

function modelOf(one: GoldenCase): ReferenceModel {
  const networks = new ReferenceNetworks(golden.params[one.params]!);
  return new ReferenceModel(networks, one.output_type, buildScheduler(one.scheduler, golden.alpha_bars));
}

/** The file's inputs under our names: times, and noised data or noise, and the prediction when it is given. */
function inputsOf(one: GoldenCase): TrainLossOptions<DDTensor, ReferenceConditioning> {
  return {
    t: floats(one.t),
    ...(one.xt && { xt: batch(one.xt) }),
    ...(one.pred && { prediction: batch(one.pred) }),
    ...(one.x0_noise && { x0: batch(one.x0_noise) }),
  };
}

describe("reference/train_loss.json", () => {
  const cases = golden.cases.filter(({ group }) => group === "train_loss");

  it("has 109 cases; the 10 of train_base_model belong to packages/methods and are tested there", () => {
    const count = (wanted: string): number => golden.cases.filter(({ group }) => group === wanted).length;
    expect(["train_loss", "edge_t", "errors", "train_base_model"].map(count)).toEqual([84, 12, 3, 10]);
    expect(golden.cases).toHaveLength(109);
  });

  it.each(cases)("$name", async (one) => {
    const loss = await modelOf(one).trainLoss(batch(one.x1), inputsOf(one));
    expectAllClose(loss, numbers(one.expected.f64.loss), single);
    if (one.scheduler.type !== "cosine") {
      expectAllClose(loss, numbers(one.expected.f32.loss), single);
    }
    const weights = numbers(one.weights!);
    const mean = loss.reduce((sum, value, i) => sum + weights[i]! * value, 0) / loss.length;
    expectAllClose([mean], [one.expected.f64.weighted_mean!], single);
  });
});

describe("reference/train_loss.json, t = 0, 0.001, 0.999 and 1", () => {
  const cases = golden.cases.filter(({ group }) => group === "edge_t");

  it.each(cases)("$name", async (one) => {
    const model = modelOf(one);
    const inputs = inputsOf(one);
    for (const [i, t] of numbers(one.t).entries()) {
      const reference = numbers(one.expected.f64.loss)[i]!;
      const row = model.trainLoss(batch(one.x1).at(i), {
        t: Float32Array.of(t),
        xt: inputs.xt!.at(i),
        prediction: inputs.prediction!.at(i),
      });
      if (!Number.isFinite(reference)) {
        // DECISIONS 7: the noise of xt is undefined where beta is 0; the reference returns infinity.
        expect([t, one.scheduler.type]).not.toContain("diffusion");
        const error = await row.catch((caught: unknown) => caught);
        if (one.output_type === "score") {
          expect(error).toMatchObject({ name: "SingularCoefficientError", coefficient: "targetNoise", time: 1 });
        } else {
          expect(error).toMatchObject({ name: "ArgumentError", argument: "t", value: 1 });
        }
      } else {
        expectAllClose(await row, [reference], single);
      }
    }
  });
});

describe("reference/train_loss.json, errors", () => {
  const one = golden.cases.find(({ mode }) => mode === "xt_t_pred")!;
  const outcomes: { readonly [name: string]: () => Promise<void> } = {
    "t of wrong length": async () => {
      const loss = modelOf(one).trainLoss(batch(one.x1), { ...inputsOf(one), t: floats(one.t).slice(1) });
      await expect(loss).rejects.toThrowError(ShapeError);
      await expect(loss).rejects.toThrowError(/4 times for 5 samples/);
    },
    "xt of another batch size": async () => {
      const loss = modelOf(one).trainLoss(batch(one.x1), { ...inputsOf(one), xt: batch(one.xt!).slice(1) });
      await expect(loss).rejects.toThrowError(ShapeError);
    },
    // Ours is a type error before it is one at run time; packages that read specs check the name (checkBaseModel too).
    "unknown output_type 'flow'": async () => {
      const model = modelOf({ ...one, output_type: "flow" as OutputType });
      await expect(model.trainLoss(batch(one.x1), inputsOf(one))).rejects.toThrowError(
        /Unknown output type "flow".*velocity, epsilon, endpoint, score/,
      );
    },
  };
  const errors = golden.cases.filter(({ group }) => group === "errors");

  it("knows every one of them", () => {
    expect(errors.map(({ name }) => name).sort()).toEqual(Object.keys(outcomes).sort());
  });

  it.each(errors)("$name", ({ name }) => outcomes[name]!());
});
