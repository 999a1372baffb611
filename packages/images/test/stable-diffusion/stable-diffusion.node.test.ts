import { cp, mkdtemp, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  concatConditioning,
  DDTensor,
  type Diffusion,
  type Environment,
  type EnvironmentOf,
  make,
  RandomKey,
  sliceConditioning,
} from "@diffusiongym/core";
import { checkBaseModel } from "@diffusiongym/core/testing";
import { afterAll, beforeAll, describe, expect, expectTypeOf, it, vi } from "vitest";
import { expectAllClose } from "../../../../tooling/test/close.js";
import {
  defaultPrompts,
  loadStableDiffusion,
  type StableDiffusionConditioning,
  StableDiffusionModel,
} from "../../src/index.js";
import { close, conditioning, golden, halfPipeline, pipeline, t, x } from "./golden.js";

vi.setConfig({ testTimeout: 300_000, hookTimeout: 300_000 });

let folder: string;
let environment: Environment<DDTensor, StableDiffusionConditioning>;
let model: StableDiffusionModel;
let prepared: StableDiffusionConditioning;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "images-stable-diffusion-"));
  environment = await make("images/stable-diffusion", "images/red", { baseModel: { source: pipeline }, steps: 10 });
  model = environment.baseModel as StableDiffusionModel;
  ({ conditioning: prepared } = await model.preprocess(x, conditioning as never));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** A copy of the pipeline, changed. */
async function changed(name: string, change: (file: (path: string) => string) => Promise<unknown>): Promise<string> {
  const place = join(folder, name);
  await cp(pipeline, place, { recursive: true });
  await change((path) => join(place, path));
  return place;
}

async function rewrite(path: string, changes: object): Promise<void> {
  await writeFile(path, JSON.stringify({ ...JSON.parse(await readFile(path, "utf8")), ...changes }));
}

const noises = Array.from({ length: 10 }, (_, k) =>
  DDTensor.from(golden.noises.slice(k * 768, (k + 1) * 768), [3, 4, 8, 8]),
);

async function expectRollout(
  from: Environment<DDTensor, StableDiffusionConditioning>,
  expected: { readonly latent: readonly number[]; readonly sample: readonly number[] },
): Promise<void> {
  const { latent, sample } = await from.sample(3, { x0: x, noises, conditioning });
  const scale = Math.max(...expected.latent.map(Math.abs));
  expectAllClose(latent.data, expected.latent, { relative: 1e-4, absolute: 1e-4 * scale });
  expectAllClose(sample.data, expected.sample, { absolute: 1e-4 * scale });
  expect(sample.shape).toEqual([3, 3, 16, 16]);
}

describe("a small Stable Diffusion exported to ONNX", () => {
  it("has the tokens, embeddings and alpha-bars of transformers and diffusers", async () => {
    for (const [i, prompt] of golden.prompts.entries()) {
      expect([...model.promptEncoder.tokenizer.encode(prompt).ids]).toEqual(golden.ids[i]);
    }
    const embeddings = await model.promptEncoder.encode(golden.prompts);
    expect(embeddings.shape).toEqual([6, 77, 16]);
    expectAllClose(embeddings.data, golden.embeddings, close);
    const { alphaBar } = model.scheduler as Diffusion;
    expectAllClose(
      alphaBar.filter((_, k) => k % 37 === 0),
      golden.alphaBar,
      { relative: 1e-5 },
    );
  });

  it("has PyTorch's outputs, guided outputs and their gradients", async () => {
    const plain = await model.forward(x, t, { ...prepared, guidanceScale: 0 });
    expectAllClose(plain.data, golden.outputs, close);
    const cotangents = DDTensor.from([...golden.cotangents], [3, 4, 8, 8]);
    const { output, gradient } = await model.vjp({ x, t, conditioning: prepared, cotangents });
    expectAllClose(output.data, golden.guided, close);
    expectAllClose(gradient.data, golden.stateGradient, { relative: 1e-4, absolute: 1e-4 });
    // Guidance is no small change here, so that a wrong one would be seen.
    expect(Math.max(...plain.data.map((value, i) => Math.abs(value - golden.guided[i]!)))).toBeGreaterThan(0.1);
  });

  it("takes ten steps of the guided SDE as the definitions say", async () => {
    await expectRollout(environment, golden.rollouts.epsilon);
  });

  it("that predicts v does so as well, its branches in two runs", async () => {
    const place = await changed("v", (file) =>
      rewrite(file("scheduler/scheduler_config.json"), { prediction_type: "v_prediction" }),
    );
    const other = await make("images/stable-diffusion", "images/red", {
      baseModel: { source: place, branches: "apart" },
      steps: 10,
    });
    expect(other.outputType).toBe("endpoint");
    await expectRollout(other, golden.rollouts.v_prediction);
  });

  it("in 16 bits that takes one step for all samples has PyTorch's outputs", async () => {
    const place = await changed("half", async (file) => {
      await rm(file("unet/model.onnx_data"));
      await cp(halfPipeline, file(""), { recursive: true });
    });
    const half = await loadStableDiffusion(place);
    const steps = new Float32Array(3).fill(1 - 500 / 999);
    expectAllClose((await half.forward(x, steps, prepared)).data, golden.guidedHalf, close);
    // At different times it is run once for each.
    const alone = await half.forward(x.slice(1, 2), t.slice(1, 2), sliceConditioning(prepared, 1, 2));
    expectAllClose((await half.forward(x, t, prepared)).at(1).data, alone.data, close);
  });

  it("of another size, unguided, keeps to what it is asked", async () => {
    const small = await loadStableDiffusion(pipeline, {
      latentSize: [8, 4],
      guidanceScale: 0,
      prompts: ["a red bicycle"],
      promptDropout: 1,
    });
    const key = RandomKey.fromSeed(5);
    const start = await small.sampleP0(2, key.streams(), {});
    expect(start.x.shape).toEqual([2, 4, 8, 4]);
    expect(start.conditioning).toMatchObject({
      prompt: ["a red bicycle", "a red bicycle"],
      negativePrompt: ["", ""],
      guidanceScale: Float32Array.of(0, 0),
    });
    const ready = await small.preprocess(start.x, start.conditioning);
    const times = Float32Array.of(0.3, 0.6);
    const plain = await small.forward(start.x, times, ready.conditioning);
    const guided = await small.forward(start.x, times, { ...ready.conditioning, guidanceScale: 6.5 });
    const unprompted = await small.forward(start.x, times, {} as never);
    expectAllClose(
      guided.data,
      plain.data.map((value, i) => 7.5 * value - 6.5 * unprompted.data[i]!),
      { relative: 1e-4, absolute: 1e-4 },
    );
    expect((await small.postprocess(start.x)).shape).toEqual([2, 3, 16, 8]);
    // Every prompt is dropped, where streams decide it.
    const streams = key.streams();
    const x0 = start.x.randnLike(streams);
    const loss = (words: string, options: object): Promise<Float32Array> =>
      small.trainLoss(start.x, { t: times, x0, conditioning: { prompt: words } as never, ...options });
    expect(await loss("a red bicycle", { streams })).toEqual(await loss("", {}));
    expect(await loss("a red bicycle", {})).not.toEqual(await loss("", {}));
  });
});

describe("prompts", () => {
  it("are encoded once each, whatever asks for them", async () => {
    const run = vi.spyOn(model.promptEncoder.network, "run");
    const policy = model.clone({ trainable: "lora", rank: 1 });
    const prompts = ["one", "two", "one", "two", "one"];
    const streams = RandomKey.fromSeed(0).streams();
    for (const asked of [model, policy]) {
      const drawn = await asked.sampleP0(5, streams, { prompt: prompts, negativePrompt: "three" });
      const { conditioning: ready } = await asked.preprocess(drawn.x, drawn.conditioning);
      expect(ready.embeddings.shape).toEqual([5, 77, 16]);
      expect(ready.embeddings.slice(0, 1).data).toEqual(ready.embeddings.slice(4, 5).data);
      expect(ready.unconditional.slice(0, 1).data).toEqual(ready.unconditional.slice(4, 5).data);
    }
    expect(run).toHaveBeenCalledTimes(3);
    run.mockRestore();
  });

  it("and scales are given, or drawn for each sample from its own stream", async () => {
    const key = RandomKey.fromSeed(11);
    const all = await model.sampleP0(6, key.streams(), {});
    const some = await model.sampleP0(2, key.streams(4), {});
    expect(some.conditioning.prompt).toEqual((all.conditioning.prompt as string[]).slice(4));
    expect(some.x.data).toEqual(all.x.slice(4).data);
    expect((all.conditioning.prompt as string[]).every((prompt) => defaultPrompts.includes(prompt))).toBe(true);
    expect(new Set(all.conditioning.prompt).size).toBeGreaterThan(2);
    expect(all.conditioning.guidanceScale).toEqual(new Float32Array(6).fill(6.5));
    const empty = await model.sampleP0(0, key.streams(), {});
    expect(empty.x.length).toBe(0);
    await expect(model.sampleP0(3, key.streams(), { prompt: ["a", "b"] })).rejects.toThrow(/2 texts for 3 samples/);
    await expect(model.sampleP0(2, key.streams(), { prompt: ["a", 3 as never] })).rejects.toThrow(/3 for sample 1/);
  });

  it("stay with their samples when batches are cut and joined, the negative ones too", async () => {
    const whole = await model.forward(x, t, prepared);
    const parts = [sliceConditioning(prepared, 0, 1), sliceConditioning(prepared, 1, 3)];
    const last = await model.forward(x.slice(1), t.slice(1), parts[1]!);
    expectAllClose(last.data, whole.slice(1).data, close);
    const turned = concatConditioning([parts[1]!, parts[0]!], [2, 1]);
    const order = DDTensor.collate([x.slice(1), x.slice(0, 1)]);
    const times = Float32Array.of(t[1]!, t[2]!, t[0]!);
    expectAllClose((await model.forward(order, times, turned)).slice(0, 2).data, whole.slice(1).data, close);
    // Without the negative prompt of the last sample its output is another.
    const without = await model.forward(x, t, { ...conditioning, negativePrompt: "" } as never);
    expect(Math.abs(without.at(2).data[0]! - whole.at(2).data[0]!)).toBeGreaterThan(1e-4);
  });
});

describe("the model", () => {
  it("keeps the promises of a base model", async () => {
    await checkBaseModel(model, { conditioning: { prompt: ["a", "b", "c", ""], guidanceScale: [0, 1, 2, 3] } });
  });

  it("takes the gradient of a reward back to the latents", async () => {
    const cotangents = DDTensor.from([...golden.imageCotangents], [3, 3, 16, 16]);
    const gradient = await model.postprocessVjp(x, prepared, cotangents);
    expectAllClose(gradient.data, golden.latentGradient, { relative: 1e-4, absolute: 1e-4 });
  });

  it.each(["all", "lora"] as const)("is cloned to be trained: %s", async (trainable) => {
    const policy = model.clone({ trainable, ...(trainable === "lora" && { rank: 2 }) });
    expect(policy).toBeInstanceOf(StableDiffusionModel);
    const before = await model.forward(x, t, prepared);
    expectAllClose((await policy.forward(x, t, prepared)).data, before.data, close);
    const batch = { x, t, conditioning: prepared, targets: before.scale(0.5), weights: 1 };
    const { loss } = await policy.regress(batch);
    const { parameters, gradients } = policy.network;
    const squared = gradients.data.reduce((sum, value) => sum + value * value, 0);
    const step = (1e-3 * loss) / squared;
    parameters.data.forEach((value, i) => {
      parameters.data[i] = value - step * gradients.data[i]!;
    });
    const after = await policy.forward(x, t, prepared);
    const error = after.sub(batch.targets);
    const lower = error
      .mul(error)
      .aggregate("mean")
      .reduce((sum, value) => sum + value, 0);
    expect((loss - lower) / (step * squared)).toBeCloseTo(1, 1);
    expect((await model.forward(x, t, prepared)).data).toEqual(before.data);
  });

  it("is made again from the spec of its environment, and typed by its id", () => {
    expect(environment.spec.baseModel).toEqual({ id: "images/stable-diffusion", options: { source: pipeline } });
    expectTypeOf<EnvironmentOf<"images/sd1.5">>().toEqualTypeOf<Environment<DDTensor, StableDiffusionConditioning>>();
    expectTypeOf<EnvironmentOf<"images/sd2">>().toEqualTypeOf<Environment<DDTensor, StableDiffusionConditioning>>();
  });
});

describe("files that do not belong together", () => {
  const failure = (source: string): Promise<Error> =>
    loadStableDiffusion(source).then(
      () => new Error("It was loaded."),
      (error: Error) => error,
    );

  it("are refused, saying which", async () => {
    const missing = await changed("missing", (file) => rm(file("text_encoder/model.onnx")));
    expect(await failure(missing)).toMatchObject({ name: "LoadingError", file: "text_encoder/model.onnx" });

    const wordless = await changed("wordless", (file) => rm(file("tokenizer"), { recursive: true }));
    expect(await failure(wordless)).toMatchObject({ name: "LoadingError", file: "tokenizer/tokenizer.json" });

    const large = await changed("large", (file) =>
      rewrite(file("model_index.json"), { _class_name: "ORTStableDiffusionXLPipeline" }),
    );
    expect((await failure(large)).message).toMatch(/ORTStableDiffusionXLPipeline.*needed is StableDiffusionPipeline/);

    const transformer = await changed("transformer", (file) =>
      rewrite(file("unet/config.json"), { _class_name: "DiTTransformer2DModel" }),
    );
    expect((await failure(transformer)).message).toMatch(/DiTTransformer2DModel.*UNet2DConditionModel/);

    const inpainting = await changed("inpainting", (file) => rewrite(file("unet/config.json"), { in_channels: 9 }));
    expect((await failure(inpainting)).message).toMatch(/takes 9 channels and gives 4.*inpainting/);

    const channels = await changed("channels", (file) =>
      rewrite(file("unet/config.json"), { in_channels: 8, out_channels: 8 }),
    );
    expect((await failure(channels)).message).toMatch(/latents of 4 channels .* and the model 8/);

    const tokens = await changed("tokens", async (file) => {
      const path = file("tokenizer/tokenizer.json");
      const { added_tokens: added } = JSON.parse(await readFile(path, "utf8"));
      await rewrite(path, { added_tokens: [...added, { ...added[0], id: 5000, content: "<other>" }] });
    });
    expect((await failure(tokens)).message).toMatch(/tokenizer has 5001 tokens and the text encoder 634 embeddings/);

    const broken = await changed("broken", (file) => truncate(file("text_encoder/model.onnx"), 60_000));
    expect(await failure(broken)).toMatchObject({
      name: "FormatError",
      message: expect.stringContaining("text_encoder"),
    });
  });

  it("includes sizes that the network cannot do", async () => {
    await expect(loadStableDiffusion(pipeline, { latentSize: 7 })).rejects.toThrow(/latentSize 7 .* multiples of 2/);
    await expect(loadStableDiffusion(pipeline, { latentSize: 0 })).rejects.toMatchObject({ name: "ArgumentError" });
  });

  it("fills short prompts as older repositories mean it", async () => {
    const older = await changed("older", async (file) => {
      await rm(file("tokenizer/tokenizer.json"));
      await rewrite(file("tokenizer/special_tokens_map.json"), { pad_token: "!" });
    });
    const encoder = (await loadStableDiffusion(older)).promptEncoder;
    const [start, ...rest] = golden.ids[0]!;
    const end = rest.indexOf(encoder.tokenizer.endId);
    // "!" is the first token of the vocabulary.
    const expected = [start, ...rest.slice(0, end + 1), ...new Array<number>(75 - end).fill(0)];
    expect([...encoder.tokenizer.encode(golden.prompts[0]!).ids]).toEqual(expected);
  });

  it("are named where nothing is there and the network may not be used", async () => {
    const made = loadStableDiffusion("painter/none", { cacheDirectory: join(folder, "empty"), localFilesOnly: true });
    await expect(made).rejects.toMatchObject({ name: "LoadingError", failure: "offline", source: "painter/none" });
    await expect(made).rejects.toThrow(/put it at.*images\/scenes/);
  });
});
