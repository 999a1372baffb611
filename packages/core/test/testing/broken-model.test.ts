import {
  type BaseModel,
  DDTensor,
  type ModelInput,
  type NoConditioning,
  type OutputType,
  type SampleStreams,
} from "@diffusiongym/core";
import { checkBaseModel } from "@diffusiongym/core/testing";
import { describe, expect, it } from "vitest";
import { batchMean, failuresOf, Model } from "../support/broken.js";

let calls = 0;

describe("checkBaseModel", () => {
  const broken: readonly (readonly [check: string, model: () => BaseModel])[] = [
    [
      "outputType must be one of velocity, epsilon, endpoint, score.",
      () => Object.assign(new Model(), { outputType: "flow" as OutputType }),
    ],
    [
      "sampleP0(4, ...) must give 4 samples.",
      () =>
        new (class extends Model {
          override sampleP0(n: number, streams: SampleStreams): ModelInput<DDTensor, NoConditioning> {
            return super.sampleP0(Math.max(n - 1, 0), streams, {});
          }
        })(),
    ],
    [
      "sampleP0 must depend on the streams only.",
      () =>
        new (class extends Model {
          override sampleP0(n: number, streams: SampleStreams): ModelInput<DDTensor, NoConditioning> {
            return super.sampleP0(n, streams.fold(calls++), {});
          }
        })(),
    ],
    [
      "sampleP0 of a split batch must give the same bits: sample i may draw from its own stream only.",
      () =>
        new (class extends Model {
          override sampleP0(n: number, streams: SampleStreams): ModelInput<DDTensor, NoConditioning> {
            return super.sampleP0(n, streams.fold(n), {});
          }
        })(),
    ],
    [
      "sampleP0(0, ...) must give an empty batch.",
      () =>
        new (class extends Model {
          override sampleP0(n: number, streams: SampleStreams): ModelInput<DDTensor, NoConditioning> {
            return super.sampleP0(Math.max(n, 1), streams, {});
          }
        })(),
    ],
    [
      "forward must return the structure of its input.",
      () => forward((x) => new DDTensor(x.tensor.reshape([-1, 1, 3]))),
    ],
    ["forward must return finite numbers at t = 0.5.", () => forward((x) => x.mul(Number.NaN))],
    [
      "forward must not change its input.",
      () =>
        forward((x) => {
          x.data[0]! += 1;
          return x.clone();
        }),
    ],
    ["forward must be deterministic.", () => forward((x) => x.mul(calls++))],
    [
      "forward must treat every sample alone: a slice of the output must be the output of the slice.",
      () => forward((x) => x.add(batchMean(x))),
    ],
    ["forward must take a time of its own for each sample.", () => forward((x, t) => x.mul(t.at(-1)!))],
    [
      "postprocess must keep the number of samples.",
      () =>
        new (class extends Model {
          override postprocess(latent: DDTensor): DDTensor {
            return latent.slice(1);
          }
        })(),
    ],
    [
      "trainLoss must give one finite number >= 0 a sample.",
      () =>
        new (class extends Model {
          override trainLoss(x1: DDTensor): Promise<Float32Array> {
            return Promise.resolve(new Float32Array(x1.length).fill(-1));
          }
        })(),
    ],
  ];

  function forward(f: (x: DDTensor, t: Float32Array) => DDTensor): BaseModel {
    return new (class extends Model {
      override forward(x: DDTensor, t: Float32Array): DDTensor {
        return f(x, t);
      }
    })();
  }

  it("has as many checks as are broken here", async () => {
    expect(await checkBaseModel(new Model())).toBe(broken.length);
  });

  it.each(broken)("%s", async (check, model) => {
    expect(await failuresOf(checkBaseModel(model()))).toContain(check);
  });

  it("reports what a part throws, instead of throwing it", async () => {
    const throwing = (): never => {
      throw new Error("no weights");
    };
    const model = Object.assign(new Model(), { outputType: "flow" as OutputType, forward: throwing });
    await expect(checkBaseModel(model)).rejects.toThrowError(
      /fails 2 checks:\n- outputType must be.*\n- forward must take what preprocess gave. It threw: no weights/,
    );
  });
});
