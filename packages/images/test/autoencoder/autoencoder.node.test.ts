import { DDTensor, RandomKey } from "@diffusiongym/core";
import { GraphBuilder, Network } from "@diffusiongym/nn";
import { beforeAll, describe, expect, it, vi } from "vitest";
import { expectAllClose } from "../../../../tooling/test/close.js";
import { Autoencoder, openAutoencoder } from "../../src/autoencoder/index.js";
import { OnnxFolder } from "../../src/onnx-folder/index.js";
import { close, golden, x as latents, pipeline } from "../stable-diffusion/golden.js";

const latentShape = [4, 8, 8] as const;
const pictures = DDTensor.from([...golden.pictures], [2, 3, 16, 16]);
const cotangents = DDTensor.from([...golden.imageCotangents], [3, 3, 16, 16]);

vi.setConfig({ testTimeout: 60_000 });

let folder: OnnxFolder;
let autoencoder: Autoencoder;
beforeAll(async () => {
  folder = await OnnxFolder.open(pipeline);
  autoencoder = await openAutoencoder(folder, { latentShape });
}, 60_000);

/** A decoder that doubles its latents and one that halves: y = 2 z, z = x / 2. */
function linearParts(): { decoder: Network; encoder: Network } {
  const build = (factor: number): Network => {
    const g = new GraphBuilder("linear");
    g.output("y", g.mul(g.input("z", ["N", 3, 2, 2]), factor));
    return Network.initialize(g.build(), RandomKey.fromSeed(0));
  };
  return { decoder: build(2), encoder: build(0.5) };
}

describe("the autoencoder of a pipeline", () => {
  it("decodes latents as diffusers does, to images in [0, 1]", async () => {
    const images = await autoencoder.decode(latents);
    expect(images.shape).toEqual([3, 3, 16, 16]);
    expectAllClose(images.data, golden.images, close);
    const limits = images.data.filter((value) => value === 0 || value === 1).length;
    expect(limits).toBeGreaterThan(10);
    expect(limits).toBeLessThan(images.data.length / 2);
  });

  it("takes gradients back to the latents, through the limits", async () => {
    expectAllClose((await autoencoder.decodeVjp(latents, cotangents)).data, golden.latentGradient, {
      relative: 1e-4,
      absolute: 1e-4,
    });
  });

  it("decodes any number at once, with the same result", async () => {
    const two = await openAutoencoder(folder, { latentShape, batchSize: 2 });
    expectAllClose((await two.decode(latents)).data, golden.images, close);
    expectAllClose((await two.decodeVjp(latents, cotangents)).data, golden.latentGradient, {
      relative: 1e-4,
      absolute: 1e-4,
    });
    expect((await autoencoder.decode(latents.slice(0, 0))).length).toBe(0);
  });

  it("encodes images to the means of their latents, or to draws around them", async () => {
    expect(autoencoder.canEncode).toBe(true);
    expectAllClose((await autoencoder.encode(pictures)).data, golden.latents, close);
    const key = RandomKey.fromSeed(3);
    const drawn = await autoencoder.encode(pictures, key.streams());
    const noise = DDTensor.randn(2, [4, 8, 8], key.streams());
    expectAllClose(
      drawn.data,
      golden.latents.map((mean, i) => mean + golden.deviations[i]! * noise.data[i]!),
      close,
    );
  });

  it("is told from that of another model", async () => {
    await expect(openAutoencoder(folder, { latentShape: [16, 8, 8] })).rejects.toThrow(
      /latents of 4 channels \(vae_decoder\/config\.json\) and the model 16/,
    );
  });
});

describe("an autoencoder of given networks", () => {
  it("scales and shifts latents: decoder(z / scale + shift), scale (encoder(x) - shift)", async () => {
    const { decoder, encoder } = linearParts();
    const given = new Autoencoder({
      decoder,
      openEncoder: () => Promise.resolve(encoder),
      scalingFactor: 0.5,
      shiftFactor: 0.1,
    });
    const z = DDTensor.from([0.02, -0.02, 0.05, -0.4, ...new Array<number>(8).fill(0)], [1, 3, 2, 2]);
    const images = await given.decode(z);
    // 2 (z / 0.5 + 0.1), from [-1, 1] to [0, 1].
    expectAllClose(images.data.slice(0, 5), [0.64, 0.56, 0.7, 0, 0.6], { absolute: 1e-6 });
    const again = await given.encode(images);
    expectAllClose(again.data.slice(0, 3), [0.02, -0.02, 0.05], { absolute: 1e-6 });
    const gradient = await given.decodeVjp(z, z.onesLike());
    expectAllClose(gradient.data.slice(0, 4), [2, 2, 2, 0], { absolute: 1e-6 });
  });

  it.each([
    ["one image", undefined, [1, 1, 1, 1, 1]],
    ["two images", 2, [2, 2, 1]],
  ])("decodes %s at a time", async (_, batchSize, sizes) => {
    const { decoder } = linearParts();
    const given = new Autoencoder({ decoder, ...(batchSize !== undefined && { batchSize }) });
    expect(given.channels).toBe(3);
    const run = vi.spyOn(Network.prototype, "run");
    const z = DDTensor.randn(5, [3, 2, 2], RandomKey.fromSeed(0).streams());
    expectAllClose(
      (await given.decode(z)).data,
      z.data.map((value) => Math.min(Math.max((2 * value) / 0.18215 / 2 + 0.5, 0), 1)),
      { absolute: 1e-5 },
    );
    expect(run.mock.calls.map(([{ z: part }]) => part!.shape[0])).toEqual(sizes);
    run.mockRestore();
    await expect(given.decodeVjp(z, z.slice(0, 2))).rejects.toThrow(/2 cotangents for 5 latents/);
    await expect(given.encode(z)).rejects.toThrow(/without an encoder/);
  });

  it("refuses factors and networks that make no sense", () => {
    const { decoder } = linearParts();
    expect(() => new Autoencoder({ decoder, scalingFactor: 0 })).toThrow(/scalingFactor/);
    expect(() => new Autoencoder({ decoder, shiftFactor: Number.NaN })).toThrow(/shiftFactor/);
    expect(() => new Autoencoder({ decoder, batchSize: 0 })).toThrow(/batchSize/);
    const g = new GraphBuilder("none");
    g.output("y", g.mul(g.input("z", ["N", 3]), 2));
    expect(() => new Autoencoder({ decoder: Network.initialize(g.build(), RandomKey.fromSeed(0)) })).toThrow(
      /A decoder takes latents \[n, c, h, w\].*z \[N, 3\]/,
    );
  });
});
