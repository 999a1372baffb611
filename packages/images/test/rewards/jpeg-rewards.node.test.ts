import { DDTensor, isDifferentiable, makeReward, RandomKey, Tensor } from "@diffusiongym/core";
import { checkReward } from "@diffusiongym/core/testing";
import { describe, expect, it } from "vitest";
import { loadFixture } from "../../../../tooling/test/fixtures.js";
import { jpegBitsPerPixel } from "../../src/index.js";
import { pixelBytes } from "../../src/pixels/index.js";
import { loadSharp } from "../../src/platform/index.js";

interface Picture {
  readonly group: "rgb" | "grey";
  readonly name: string;
  readonly width: number;
  readonly height: number;
  readonly rgb_base64?: string;
  readonly grey_base64?: string;
  readonly expected: Readonly<Record<string, { jpeg_bytes: number; bits_per_pixel: { data: readonly number[] } }>>;
}
interface Conversion {
  readonly group: "conversion";
  readonly x: { readonly data: readonly number[] };
  readonly expected: { readonly bytes: readonly number[] };
}

// images.json of the reference's goldens (Pillow 9.4 with libjpeg-turbo 2.1.5), without the files themselves.
const { cases } = await loadFixture<{ cases: readonly (Picture | Conversion | { group: "errors_and_edges" })[] }>(
  "packages/images/test/fixtures/jpeg.json.gz",
);
const pictures = cases.filter((one): one is Picture => one.group === "rgb" || one.group === "grey");

function imageOf({ width, height, rgb_base64, grey_base64 }: Picture): DDTensor {
  const bytes = Buffer.from((rgb_base64 ?? grey_base64)!, "base64");
  const channels = rgb_base64 === undefined ? 1 : 3;
  const data = Float32Array.from({ length: bytes.length }, (_, k) => {
    const channel = Math.floor(k / (width * height));
    return bytes[(k % (width * height)) * channels + channel]! / 255;
  });
  return DDTensor.from(data, [1, channels, height, width]);
}

const uniform = (n: number, shape: readonly number[]): DDTensor => {
  const images = DDTensor.randn(n, shape, RandomKey.fromSeed(4).streams());
  return images.apply(
    ({ data }) =>
      new Tensor(
        Float32Array.from(data, (value) => 1 / (1 + Math.exp(-value))),
        images.shape,
      ),
  );
};

describe("the JPEG rewards", () => {
  it.each(pictures.map((picture) => [`${picture.name} ${picture.width}x${picture.height}`, picture] as const))(
    "of the reference: %s, of exactly its size at every quality",
    async (_, picture) => {
      const image = imageOf(picture);
      for (const [quality, expected] of Object.entries(picture.expected)) {
        const [bits] = await jpegBitsPerPixel(image, { quality: Number(quality) });
        expect((bits! * picture.width * picture.height) / 8).toBeCloseTo(expected.jpeg_bytes, 3);
        const options = { quality: Number(quality) };
        const worth = await (await makeReward("images/incompression", options)).evaluate(image, image, {});
        const cost = await (await makeReward("images/compression", options)).evaluate(image, image, {});
        expect(worth.rewards[0]).toBe(Math.fround(expected.bits_per_pixel.data[0]!));
        expect(cost.rewards[0]).toBe(-Math.fround(expected.bits_per_pixel.data[0]!));
      }
    },
  );

  it("cut values to bytes as the reference does", () => {
    const { x, expected } = cases.find((one) => one.group === "conversion")!;
    const image = DDTensor.from([...x.data], [1, 1, 1, x.data.length]);
    expect([...pixelBytes(image, 0)]).toEqual(expected.bytes);
  });

  it.each([
    [1, 2.6171875],
    [75, 4.5859375],
  ])("take quality %i, and 85 by default", async (quality, expected) => {
    // errors_and_edges: the reference's results on its texture of 32x32 are those of some picture at that quality.
    const bits = await Promise.all(pictures.map(async (one) => (await jpegBitsPerPixel(imageOf(one), { quality }))[0]));
    expect(bits).toContain(expected);
    const image = imageOf(pictures[0]!);
    expect(await jpegBitsPerPixel(image)).toEqual(await jpegBitsPerPixel(image, { quality: 85 }));
  });

  it.each(["images/compression", "images/incompression"] as const)("%s keeps the promises", async (id) => {
    const reward = await makeReward(id);
    await checkReward(reward, { sample: uniform(20, [3, 16, 16]) });
    expect(isDifferentiable(reward)).toBe(false);
  });

  it("work on nothing, on one pixel, and on grey", async () => {
    expect((await jpegBitsPerPixel(DDTensor.from([], [0, 3, 8, 8]))).length).toBe(0);
    expect((await jpegBitsPerPixel(DDTensor.from([0.5, 0.5, 0.5], [1, 3, 1, 1]))).length).toBe(1);
    await checkReward(await makeReward("images/compression"), { sample: uniform(4, [1, 9, 17]) });
  });

  it("refuse values outside [0, 1], with the index of the sample", async () => {
    const images = uniform(3, [3, 4, 4]);
    for (const [value, name] of [
      [1.001, "ArgumentError"],
      [-0.001, "ArgumentError"],
      [Number.NaN, "NonFiniteError"],
      [Number.POSITIVE_INFINITY, "NonFiniteError"],
    ] as const) {
      const broken = images.clone();
      broken.data[2 * 48 + 7] = value;
      await expect(jpegBitsPerPixel(broken)).rejects.toMatchObject({ name });
      await expect(jpegBitsPerPixel(broken)).rejects.toThrow("Image 2 has the value");
    }
  });

  it.each([[[2, 3, 4]], [[2, 2, 4, 4]], [[2, 4, 4, 4]], [[2, 3, 0, 4]]])("refuse the shape %j", async (shape) => {
    const size = shape.reduce((product, axis) => product * axis, 1);
    await expect(jpegBitsPerPixel(DDTensor.from(new Array(size).fill(0), shape))).rejects.toMatchObject({
      name: "ShapeError",
    });
  });

  it.each([0, 101, 85.5, Number.NaN, "85"])("refuse the quality %s", async (quality) => {
    await expect(makeReward("images/compression", { quality: quality as number })).rejects.toThrow(
      "whole number from 1 to 100",
    );
  });

  it("say how to install sharp where it is missing", async () => {
    const missing = loadSharp("The JPEG rewards", () => Promise.reject(new Error("Cannot find package 'sharp'")));
    await expect(missing).rejects.toMatchObject({ name: "MissingPackageError", packageName: "sharp" });
    await expect(missing).rejects.toThrow("npm install sharp");
  });
});
