import { ArgumentError, DDTensor, RandomKey, ShapeError, Tensor } from "@diffusiongym/core";
import { describe, expect, it } from "vitest";
import { expectAllClose } from "../../../../tooling/test/close.js";
import { loadFixture } from "../../../../tooling/test/fixtures.js";
import { ClipPreprocessing } from "../../src/clip/index.js";

interface Case {
  readonly shape: readonly [number, number];
  readonly values: readonly number[];
}
const golden = await loadFixture<{ preprocessing: Case[]; large: Case[] }>(
  "packages/images/test/fixtures/tiny-clip.json.gz",
);

const picture = (...shape: number[]): DDTensor => {
  const count = shape.reduce((product, axis) => product * axis, 1);
  return DDTensor.from(
    Array.from({ length: count }, (_, i) => ((i * 7919) % 1009) / 1008),
    shape,
  );
};
const dot = (a: ArrayLike<number>, b: ArrayLike<number>): number =>
  Array.from(a, (value, i) => value * b[i]!).reduce((sum, value) => sum + value, 0);

describe("what torchvision does on tensors: Resize bicubic with antialias, CenterCrop, Normalize", () => {
  it.each(golden.preprocessing)("of $shape to 24", ({ shape, values }) => {
    const result = new ClipPreprocessing({ size: 24 }).apply(picture(1, 3, ...shape));
    expect(result.shape).toEqual([1, 3, 24, 24]);
    expectAllClose(result.data, values, { absolute: 1e-6 });
  });

  it.each(golden.large)("of $shape to 224, CLIP's own size", ({ shape, values }) => {
    const { data } = new ClipPreprocessing().apply(picture(1, 3, ...shape));
    expectAllClose(
      data.filter((_, i) => i % 997 === 0),
      values,
      { absolute: 1e-6 },
    );
  });
});

describe("its gradient", () => {
  const prepared = new ClipPreprocessing({ size: 24 });

  it.each([
    [3, 20, 27],
    [3, 61, 33],
    [1, 24, 24],
    [1, 9, 30],
  ])("is the transposed map for %i channels of %i x %i", (channels, height, width) => {
    const streams = RandomKey.fromSeed(2).streams();
    const images = picture(2, channels, height, width);
    const direction = DDTensor.randn(2, [channels, height, width], streams);
    const cotangents = DDTensor.randn(2, [3, 24, 24], streams.fold("cotangents")).tensor;
    const moved = prepared.apply(images.add(direction)).data;
    const before = prepared.apply(images).data;
    const along = dot(
      cotangents.data,
      moved.map((value, i) => value - before[i]!),
    );
    const gradient = prepared.vjp(images, cotangents);
    expect(gradient.shape).toEqual(images.shape);
    expect(dot(gradient.data, direction.data) / along).toBeCloseTo(1, 5);
  });
});

describe("images of one colour", () => {
  it("grey ones are red, green and blue alike", () => {
    const prepared = new ClipPreprocessing({ size: 24 });
    const grey = picture(2, 1, 19, 40);
    const rows = [0, 1].map((i) => {
      const plane = grey.at(i).data;
      return new DDTensor(new Tensor(Float32Array.from([...plane, ...plane, ...plane]), [1, 3, 19, 40]));
    });
    expect(prepared.apply(grey).data).toEqual(prepared.apply(DDTensor.collate(rows)).data);
  });

  it("plain ones stay plain: the weights sum to 1", () => {
    const prepared = new ClipPreprocessing({ size: 24, mean: [0, 0, 0], deviation: [1, 1, 1] });
    for (const [height, width] of [
      [5, 5],
      [24, 31],
      [200, 130],
    ] as const) {
      const plain = DDTensor.from(new Array(3 * height * width).fill(0.75), [1, 3, height, width]);
      expectAllClose(prepared.apply(plain).data, new Array(3 * 24 * 24).fill(0.75), { absolute: 1e-7 });
    }
  });
});

it("refuses latents, sizes and numbers that make no sense", () => {
  expect(() => new ClipPreprocessing().apply(picture(1, 4, 8, 8))).toThrow(ShapeError);
  expect(() => new ClipPreprocessing({ size: 0 })).toThrow(ArgumentError);
  expect(() => new ClipPreprocessing({ mean: [0.5] })).toThrow("mean");
  expect(() => new ClipPreprocessing({ deviation: [1, 0, 1] })).toThrow("deviation");
});
