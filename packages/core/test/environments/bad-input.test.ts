import {
  ArgumentError,
  DDRecord,
  type DDTensor,
  type DiffusionGymError,
  Environment,
  NonFiniteError,
  OptimalTransport,
  type RecordedField,
  ShapeError,
  shared,
  Tensor,
  ZeroReward,
} from "@diffusiongym/core";
import { describe, expect, it } from "vitest";
import { GaussianModel } from "../support/gaussian-model.js";
import { PointClouds } from "../support/ragged.js";
import { batch, environment, type Options, poisoned, rejection } from "../support/refusals.js";
import { clouds } from "../support/subjects.js";

type Refusal = readonly [
  name: string,
  n: number,
  options: Options,
  error: new (...args: never[]) => DiffusionGymError,
  fields: object,
  message: RegExp,
];

const refusals: readonly Refusal[] = [
  ["a negative n", -1, {}, ArgumentError, { argument: "n", value: -1 }, /n must be a whole number >= 0, got -1/],
  ["a fractional n", 2.5, {}, ArgumentError, { argument: "n", value: 2.5 }, /got 2.5/],
  ["n that is no number", Number.NaN, {}, ArgumentError, { argument: "n" }, /got NaN/],
  ["a negative offset", 2, { indexOffset: -3 }, ArgumentError, { argument: "indexOffset", value: -3 }, /got -3/],
  ["a fractional seed", 2, { seed: 0.5 }, ArgumentError, { argument: "seed", value: 0.5 }, /2\^53 - 1, got 0.5/],
  ["a batch size of 0", 2, { batchSize: 0 }, ArgumentError, { argument: "batchSize", value: 0 }, />= 1, got 0/],
  [
    "an unknown field to record",
    2,
    { record: ["drift" as RecordedField] },
    ArgumentError,
    { argument: "record", value: "drift" },
    /"drift" is not a field; choose from trajectory, drifts/,
  ],
  [
    "a field that is not in an array",
    2,
    { record: "drifts" as unknown as "all" },
    ArgumentError,
    { argument: "record", value: "drifts" },
    /"all" or an array of trajectory, .*got "drifts"/,
  ],
  [
    "x0 of another number of samples",
    3,
    { x0: batch(2) },
    ShapeError,
    { expected: [3], received: [2] },
    /x0 holds 2 samples but n is 3/,
  ],
  [
    "x0 of another sample shape",
    2,
    { x0: batch(2, [4]) },
    ShapeError,
    { expected: [2, 3], received: [2, 4] },
    /x0 has shape \[2, 4\]; \[2, 3\] is needed, the shape of the model's states/,
  ],
  [
    "x0 with an axis too many, which would broadcast",
    2,
    { x0: batch(2, [3, 1]) },
    ShapeError,
    { expected: [2, 3], received: [2, 3, 1] },
    /x0 has shape \[2, 3, 1\]/,
  ],
  [
    "x0 that is a bare array",
    2,
    { x0: new Float32Array(6) as unknown as DDTensor },
    ArgumentError,
    { argument: "x0" },
    /x0 is of type Float32Array, not a batch of data; wrap it .* DDTensor.from/,
  ],
  [
    "x0 of another data type",
    2,
    { x0: new DDRecord({ a: batch(2) }) as unknown as DDTensor },
    ShapeError,
    {},
    /x0 holds the tensors "a"; the model's states hold \(one without a name\)/,
  ],
  [
    "NaN in x0",
    4,
    { x0: poisoned(4, Number.NaN) },
    NonFiniteError,
    { source: "x0", sampleIndex: 3 },
    /x0 holds NaN in sample 3/,
  ],
  ["infinity in x0", 2, { x0: poisoned(2, Infinity) }, NonFiniteError, { sampleIndex: 1 }, /x0 holds Infinity/],
  [
    "noise for too few steps",
    2,
    { noises: [batch(2)] },
    ShapeError,
    { expected: [4], received: [1] },
    /1 batches for 4 steps; give one a step/,
  ],
  [
    "noise of another number of samples",
    2,
    { noises: [batch(2), batch(3), batch(2), batch(2)] },
    ShapeError,
    { expected: [2], received: [3] },
    /noises\[1\] holds 3 samples but n is 2/,
  ],
  [
    "noise of another shape",
    2,
    { noises: [batch(2), batch(2), batch(2, [1]), batch(2)] },
    ShapeError,
    { expected: [2, 3], received: [2, 1] },
    /noises\[2\] has shape \[2, 1\]/,
  ],
  [
    "NaN in the noise",
    2,
    { noises: [batch(2), batch(2), batch(2), poisoned(2, Number.NaN)] },
    NonFiniteError,
    { source: "noises[3]", sampleIndex: 1 },
    /noises\[3\] holds NaN in sample 1/,
  ],
  [
    "conditioning of another length",
    3,
    { conditioning: { label: ["a", "b"] } },
    ShapeError,
    { expected: [3], received: [2] },
    /Conditioning "label" has 2 entries for 3 samples.*shared\(/,
  ],
  [
    "conditioning of another length, nested",
    3,
    { conditioning: { label: { inner: new Float32Array(4) } } },
    ShapeError,
    { expected: [3], received: [4] },
    /"label.inner" has 4 entries/,
  ],
  [
    "conditioning by a tensor without a batch axis",
    3,
    { conditioning: { label: Tensor.from(1) } },
    ShapeError,
    { expected: [3] },
    /"label" has no entries for 3 samples/,
  ],
  [
    "conditioning that cannot be split",
    2,
    { conditioning: { label: new Map() } },
    ArgumentError,
    { argument: "label" },
    /"label" is a Map, which cannot be split per sample/,
  ],
  [
    "conditioning by a function",
    2,
    { conditioning: { label: () => 0 } },
    ArgumentError,
    { argument: "label" },
    /"label" is a function, which cannot travel/,
  ],
];

describe("sample refuses", () => {
  it.each(refusals)("%s", async (_, n, options, type, fields, message) => {
    // In batches too, before anything is computed.
    for (const batchSize of options.batchSize === undefined && n > 1 ? [undefined, 1] : [undefined]) {
      const forwarded: number[] = [];
      const forward = (x: DDTensor, t: Float32Array): DDTensor => {
        forwarded.push(t[0]!);
        return x;
      };
      const counted = environment({ steps: 4 }, { model: { forward } });
      const error = await rejection(counted.sample(n, { ...options, ...(batchSize && { batchSize }) }));
      expect(error).toBeInstanceOf(type);
      if (batchSize === undefined) {
        expect(error).toMatchObject(fields);
        expect(error.message).toMatch(message);
      }
      expect(forwarded).toEqual([]);
    }
  });

  it("takes clouds of other sizes as x0, but not of other dimensions", async () => {
    const ragged = new Environment(
      new GaussianModel({ template: clouds, scheduler: new OptimalTransport() }),
      new ZeroReward(),
      { steps: 2 },
    );
    const sizes = clouds(2, 3);
    expect((await ragged.sample(2, { x0: sizes })).latent.sizes()).toEqual(sizes.sizes());
    const error = await rejection(ragged.sample(2, { x0: PointClouds.zeros([3, 1], 3) }));
    expect(error.message).toMatch(/x0 has shape \[4, 3\]; \[4, 2\] is needed/);
  });

  it("a value shared by all samples is no mistake", async () => {
    const { conditioning } = await environment().sample(3, { conditioning: { label: shared([1, 2]) } });
    expect(conditioning.label).toMatchObject({ value: [1, 2] });
  });
});
