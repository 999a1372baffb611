import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { DDTensor, IncompatibleError, RandomKey, ShapeError, Tensor } from "@diffusiongym/core";
import { GraphBuilder, linear, Network } from "@diffusiongym/nn";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { expectAllClose } from "../../../../tooling/test/close.js";
import { loadFixture } from "../../../../tooling/test/fixtures.js";
import { ClipImageScorer, ClipPreprocessing, ClipTextEmbedder, loadClip } from "../../src/clip/index.js";
import { readTokenizer } from "../../src/tokenizer/index.js";

interface Golden {
  readonly embeddings: number[];
  readonly texts: string[];
  readonly textEmbeddings: number[];
  readonly cosines: number[];
  readonly cosineGradient: number[];
}
const golden = await loadFixture<Golden>("packages/images/test/fixtures/tiny-clip.json.gz");
const folder = fileURLToPath(new URL("../fixtures/tiny-clip", import.meta.url));
const images = DDTensor.from(
  Array.from({ length: 4 * 3 * 20 * 27 }, (_, i) => ((i * 7919) % 1009) / 1008),
  [4, 3, 20, 27],
);
const width = 12;

let scratch: string;
beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), "clip-"));
});
afterAll(() => rm(scratch, { recursive: true }));

/** A copy of the small CLIP with a file changed. */
async function changed(name: string, file: string, change: (text: string) => string): Promise<string> {
  const copy = join(scratch, name);
  await cp(folder, copy, { recursive: true });
  await writeFile(join(copy, file), change(await readFile(join(copy, file), "utf8")));
  return copy;
}

describe("the numbers of Python's CLIPModel, in double precision", () => {
  it("embeddings of images, in runs of any size", async () => {
    for (const batchSize of [1, 3, 8]) {
      const clip = await loadClip(folder, { batchSize });
      const embedded = await clip.images.embed(images);
      expect(embedded.shape).toEqual([4, width]);
      expectAllClose(embedded.data, golden.embeddings, { absolute: 2e-6 });
    }
  });

  it("embeddings of texts", async () => {
    const { texts } = await loadClip(folder, { texts: true });
    const embedded = await texts!.embed(golden.texts);
    expectAllClose(embedded.data, golden.textEmbeddings, { absolute: 2e-6 });
  });

  it("cosines and their gradient with respect to the pixels, through the resizing", async () => {
    const clip = await loadClip(folder, { texts: true });
    const directions = await clip.texts!.embed(golden.texts.slice(2, 6));
    expectAllClose(await clip.images.score(images, directions), golden.cosines, { absolute: 2e-6 });
    const { scores, gradient } = await clip.images.gradient(images, directions);
    expectAllClose(scores, golden.cosines, { absolute: 2e-6 });
    const largest = Math.max(...golden.cosineGradient.map(Math.abs));
    expectAllClose(gradient.data, golden.cosineGradient, { absolute: 1e-5 * largest });
  });
});

describe("texts", () => {
  it("are computed once each", async () => {
    const encoder = await Network.open(join(folder, "onnx", "text_model.onnx"), { trainable: "none" });
    let runs = 0;
    const run = encoder.run.bind(encoder);
    encoder.run = (...given) => {
      runs++;
      return run(...given);
    };
    const tokenizer = readTokenizer({ tokenizer: await readFile(join(folder, "tokenizer.json"), "utf8") });
    const texts = new ClipTextEmbedder({ encoder, tokenizer, file: "text_model.onnx" });
    const [first] = await Promise.all([texts.embed(["a cat", "a dog", "a cat"]), texts.embed(["a dog"])]);
    const again = await texts.embed(["a cat", "a horse"]);
    expect(runs).toBe(3);
    expect(again.data.slice(0, width)).toEqual(first.data.slice(0, width));
    expect(first.data.slice(2 * width)).toEqual(first.data.slice(0, width));
    expect((await texts.embed([])).shape[0]).toBe(0);
  });
});

describe("an empty batch", () => {
  it("has no scores", async () => {
    const clip = await loadClip(folder);
    const none = images.slice(0, 0);
    const direction = Tensor.zeros([1, width]);
    expect((await clip.images.embed(none)).shape).toEqual([0, width]);
    expect(await clip.images.score(none, direction)).toHaveLength(0);
    const { gradient } = await clip.images.gradient(none, direction);
    expect(gradient.shape).toEqual([0, 3, 20, 27]);
  });
});

describe("where the files are", () => {
  it("beside the configuration, or under names that are given", async () => {
    const flat = join(scratch, "flat");
    await cp(folder, flat, { recursive: true });
    await cp(join(folder, "onnx", "vision_model.onnx"), join(flat, "vision_model.onnx"));
    await cp(join(folder, "onnx", "text_model.onnx"), join(flat, "words.onnx"));
    await rm(join(flat, "onnx"), { recursive: true });
    const clip = await loadClip(flat, { texts: true, textEncoder: "words.onnx" });
    expectAllClose((await clip.images.embed(images)).data, golden.embeddings, { absolute: 2e-6 });
    await expect(loadClip(flat, { texts: true })).rejects.toThrow(/onnx\/text_model\.onnx/);
    await expect(loadClip(scratch)).rejects.toThrow(/onnx\/vision_model\.onnx/);
  });

  it("a size by the configuration where the preprocessor says none", async () => {
    const copy = await changed("sizes", "preprocessor_config.json", () => "{}");
    const clip = await loadClip(copy);
    expectAllClose((await clip.images.embed(images)).data, golden.embeddings, { absolute: 2e-6 });
  });

  it("and what does not fit is refused", async () => {
    const broken = await changed("broken", "config.json", () => "{");
    await expect(loadClip(broken)).rejects.toThrow(/config\.json of .*broken is no JSON/);
    const fewer = await changed("fewer", "config.json", (text) =>
      text.replace('"vocab_size": 634', '"vocab_size": 633'),
    );
    await expect(loadClip(fewer, { texts: true })).rejects.toThrow(/634 tokens and its text encoder 633/);
    await expect(loadClip(folder, { imageEncoder: "onnx/text_model.onnx" })).rejects.toThrow(IncompatibleError);
    await expect(loadClip(folder, { imageEncoder: "onnx/text_model.onnx" })).rejects.toThrow(/takes input_ids/);
    const swapped = loadClip(folder, { texts: true, textEncoder: "onnx/vision_model.onnx" });
    await expect(swapped).rejects.toThrow(/takes pixel_values .*input_ids/);
  });
});

describe("an encoder", () => {
  const encoder = (shape: (number | string)[], out: number): Network => {
    const g = new GraphBuilder("encoder");
    const pooled = g.reduceMean(g.input("pixels", shape), { axes: [2, 3] });
    g.output("embedding", linear(g, pooled, { name: "head", out }));
    return Network.initialize(g.build(), RandomKey.fromSeed(3));
  };
  const made = (network: Network): ClipImageScorer =>
    new ClipImageScorer({ encoder: network, preprocessing: new ClipPreprocessing({ size: 8 }), file: "model.onnx" });

  it("may have names of its own, and be for one image at a time", async () => {
    const [one, many] = [made(encoder([1, 3, 8, 8], 5)), made(encoder(["n", 3, 8, 8], 5))];
    expect(one.width).toBe(5);
    expectAllClose((await one.embed(images)).data, (await many.embed(images)).data, { absolute: 1e-7 });
  });

  it("must take three colours of the size that is prepared", () => {
    expect(() => made(encoder(["n", 4, 8, 8], 5))).toThrow(/CLIP's image encoder takes/);
    expect(() => made(encoder(["n", 3, 16, 16], 5))).toThrow(/16 x 16 pixels.*8 x 8/);
  });

  it("refuses directions that do not fit", async () => {
    const scorer = made(encoder(["n", 3, 8, 8], 5));
    await expect(scorer.score(images, Tensor.zeros([4, 6]))).rejects.toThrow(ShapeError);
    await expect(scorer.score(images, Tensor.zeros([3, 5]))).rejects.toThrow("[3, 5]");
  });
});
