import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import {
  ArgumentError,
  DDTensor,
  type Environment,
  type EnvironmentOf,
  IncompatibleError,
  make,
  makeBaseModel,
  RandomKey,
} from "@diffusiongym/core";
import { checkBaseModel } from "@diffusiongym/core/testing";
import { conv2d, embedding, GraphBuilder, Network } from "@diffusiongym/nn";
import { afterAll, beforeAll, describe, expect, expectTypeOf, it, vi } from "vitest";
import { expectAllClose } from "../../../../tooling/test/close.js";
import { loadFixture } from "../../../../tooling/test/fixtures.js";
import { openAutoencoder } from "../../src/autoencoder/index.js";
import { type DitConditioning, DitModel, LoadingError, loadDit } from "../../src/index.js";
import { OnnxFolder } from "../../src/onnx-folder/index.js";

type Numbers = readonly number[];
interface Golden {
  readonly x: Numbers;
  readonly steps: Numbers;
  readonly labels: Numbers;
  readonly scales: Numbers;
  readonly conditional: Numbers;
  readonly unconditional: Numbers;
  readonly guided: Numbers;
  readonly cotangents: Numbers;
  readonly gradient: Numbers;
  readonly latents: Numbers;
  readonly images: Numbers;
  readonly imageCotangents: Numbers;
  readonly latentGradient: Numbers;
  readonly wide: Numbers;
  readonly wideImages: Numbers;
  readonly noises: Numbers;
  readonly rollout: { readonly latent: Numbers; readonly sample: Numbers };
}
const golden = await loadFixture<Golden>("packages/images/test/fixtures/tiny-dit.json.gz");
const source = fileURLToPath(new URL("../fixtures/tiny-dit", import.meta.url));
const shape = [4, 4, 8, 8];
const size = 4 * 8 * 8;
const x = DDTensor.from([...golden.x], shape);
/** Times at which the table's entries are the golden's steps. */
const t = Float32Array.from(golden.steps, (step) => 1 - step / 999);
const labels = [...golden.labels];
const scales = [...golden.scales];
const guided: DitConditioning = { classLabel: labels, guidanceScale: scales };
const plain: DitConditioning = { classLabel: labels, guidanceScale: 0 };
const close = { relative: 1e-4, absolute: 1e-5 };

let scratch: string;
let model: DitModel;
beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), "dit-"));
  model = await loadDit(source);
});
afterAll(() => rm(scratch, { recursive: true }));

describe("the numbers of diffusers' DiT, in double precision", () => {
  it("outputs under a class and under none, without the variances", async () => {
    expect([model.outputType, model.sampleShape, model.classNames.none]).toEqual(["epsilon", [4, 8, 8], 10]);
    const conditional = await model.forward(x, t, plain);
    expect(conditional.shape).toEqual(shape);
    expectAllClose(conditional.data, golden.conditional, close);
    const none = await model.forward(x, t, { classLabel: 10, guidanceScale: 0 });
    expectAllClose(none.data, golden.unconditional, close);
  });

  it.each(["together", "apart"] as const)("guided outputs and their gradient, branches %s", async (branches) => {
    const other = await loadDit(source, { branches });
    expectAllClose((await other.forward(x, t, guided)).data, golden.guided, { relative: 1e-4, absolute: 3e-5 });
    const cotangents = DDTensor.from([...golden.cotangents], shape);
    const { output, gradient } = await other.vjp({ x, t, conditioning: guided, cotangents });
    expectAllClose(output.data, golden.guided, { relative: 1e-4, absolute: 3e-5 });
    const largest = Math.max(...golden.gradient.map(Math.abs));
    expectAllClose(gradient.data, golden.gradient, { relative: 1e-4, absolute: 3e-5 * largest });
  });

  it("decoded images, of other sizes too, and the gradient through the decoder", async () => {
    const latents = DDTensor.from([...golden.latents], [2, 4, 8, 8]);
    const images = await model.postprocess(latents);
    expect(images.shape).toEqual([2, 3, 16, 16]);
    expectAllClose(images.data, golden.images, { absolute: 1e-5 });
    const cotangents = DDTensor.from([...golden.imageCotangents], images.shape);
    const gradient = await model.postprocessVjp(latents, guided, cotangents);
    const largest = Math.max(...golden.latentGradient.map(Math.abs));
    expectAllClose(gradient.data, golden.latentGradient, { relative: 1e-3, absolute: 1e-4 * largest });
    const wide = await openAutoencoder(await OnnxFolder.open(source), { latentShape: [4, 6, 10] });
    const decoded = await wide.decode(DDTensor.from([...golden.wide], [1, 4, 6, 10]));
    expect(decoded.shape).toEqual([1, 3, 12, 20]);
    expectAllClose(decoded.data, golden.wideImages, { absolute: 1e-5 });
  });

  it("ten steps of the SDE under guidance", async () => {
    const environment = await make("images/dit", "images/red", { baseModel: { source }, steps: 10 });
    const noises = Array.from({ length: 10 }, (_, k) =>
      DDTensor.from(golden.noises.slice(k * 4 * size, (k + 1) * 4 * size), shape),
    );
    const { latent, sample } = await environment.sample(4, { x0: x, noises, conditioning: guided });
    const scale = Math.max(...golden.rollout.latent.map(Math.abs));
    expectAllClose(latent.data, golden.rollout.latent, { relative: 1e-4, absolute: 1e-4 * scale });
    expectAllClose(sample.data, golden.rollout.sample, { absolute: 1e-3 });
  });
});

describe("the model", () => {
  it("keeps the promises of a base model", async () => {
    expect(await checkBaseModel(model)).toBeGreaterThan(5);
  });

  it("draws classes and guidance scales by seed, each sample from its own stream", async () => {
    const drawing = await loadDit(source, { classes: ["volcano", 7, "lighthouse"], guidanceScale: [1, 3] });
    const streams = RandomKey.fromSeed(5);
    const { conditioning } = await drawing.sampleP0(300, streams.streams(), {});
    const drawn = Array.from(conditioning.classLabel as Int32Array);
    expect(new Set(drawn)).toEqual(new Set([2, 3, 7]));
    for (const label of [2, 3, 7]) {
      expect(drawn.filter((entry) => entry === label).length).toBeGreaterThan(70);
    }
    const drawnScales = Array.from(conditioning.guidanceScale as Float32Array);
    expect(drawnScales.every((scale) => scale >= 1 && scale <= 3)).toBe(true);
    const later = await drawing.sampleP0(2, streams.streams(100), {});
    expect(Array.from(later.conditioning.classLabel as Int32Array)).toEqual(drawn.slice(100, 102));
    const given = await drawing.sampleP0(2, streams.streams(), { classLabel: ["orange", 0], guidanceScale: 2 });
    expect(Array.from(given.conditioning.classLabel as Int32Array)).toEqual([4, 0]);
    expect(Array.from(given.conditioning.guidanceScale as Float32Array)).toEqual([2, 2]);
    const all = await model.sampleP0(500, streams.streams(), {});
    expect(new Set(all.conditioning.classLabel as Int32Array).size).toBe(10);
    await expect(drawing.sampleP0(2, streams.streams(), { classLabel: [0, 11] })).rejects.toThrow(/0 to 9, and 10/);
  });

  it("leaves out classes in trainLoss as often as it is told, and never guides there", async () => {
    const key = RandomKey.fromSeed(6);
    const x0 = x.randnLike(key.streams());
    const times = new Float32Array(4).fill(0.5);
    const always = await loadDit(source, { labelDropout: 1 });
    const never = await loadDit(source, { labelDropout: 0 });
    const shared = { t: times, x0, streams: key.streams() };
    const kept = await never.trainLoss(x, { ...shared, conditioning: guided });
    const lost = await always.trainLoss(x, { ...shared, conditioning: guided });
    const { x0: _, streams: __, ...still } = { ...shared };
    expect(await always.trainLoss(x, { ...still, x0, conditioning: guided })).toEqual(kept);
    expect(await never.trainLoss(x, { ...shared, conditioning: { ...guided, classLabel: 10 } })).toEqual(lost);
    expect(kept.every((loss, i) => Math.abs(loss - lost[i]!) > 1e-6)).toBe(true);
    // By the definition: the mean of (epsilon - x0)^2 at alpha x1 + beta x0.
    const { scheduler } = never as unknown as { scheduler: { alpha(t: number): number; beta(t: number): number } };
    const xt = x.linearCombination(scheduler.alpha(0.5), [[scheduler.beta(0.5), x0]]);
    const error = (await never.forward(xt, times, plain)).sub(x0);
    expectAllClose(kept, error.mul(error).aggregate("mean"), { relative: 1e-5 });
    // Some are lost and some are kept in between.
    const many = DDTensor.collate(Array.from({ length: 16 }, () => x));
    const half = await loadDit(source, { labelDropout: 0.5 });
    const setup = {
      t: new Float32Array(64).fill(0.5),
      x0: DDTensor.collate(Array.from({ length: 16 }, () => x0)),
      streams: key.streams(),
      conditioning: { classLabel: Array.from({ length: 64 }, (_, i) => labels[i % 4]!), guidanceScale: 0 },
    };
    const losses = await half.trainLoss(many, setup);
    const share = losses.filter((loss, i) => Math.abs(loss - lost[i % 4]!) < 1e-4).length / 64;
    expect(share).toBeGreaterThan(0.25);
    expect(share).toBeLessThan(0.75);
  });

  it.each(["all", "lora"] as const)(
    "is cloned to be trained (%s) on its guided output; the original stays",
    async (trainable) => {
      const policy = model.clone(trainable === "all" ? {} : { trainable, rank: 2 });
      expect(policy).toBeInstanceOf(DitModel);
      const before = await model.forward(x, t, guided);
      expectAllClose((await policy.forward(x, t, guided)).data, before.data, { relative: 1e-4, absolute: 1e-4 });
      const batch = { x, t, conditioning: guided, targets: before.scale(0.5), weights: 1 };
      const { parameters, gradients } = policy.network;
      const { loss } = await policy.regress(batch);
      const squared = gradients.data.reduce((sum, value) => sum + value * value, 0);
      expect(squared).toBeGreaterThan(0);
      // A step against the gradient lowers the loss by its square, to first order.
      const step = (1e-3 * loss) / squared;
      for (let i = 0; i < parameters.data.length; i++) parameters.data[i]! -= step * gradients.data[i]!;
      const after = await policy.regress(batch);
      expect((loss - after.loss) / (step * squared)).toBeCloseTo(1, 1);
      expect((await model.forward(x, t, guided)).data).toEqual(before.data);
    },
  );

  it("is made again from the spec of its environment, and judged by its images", async () => {
    const environment = await make("images/dit", "images/brightness", {
      baseModel: { source, classes: ["orange"], guidanceScale: 1.5 },
      steps: 3,
    });
    const again = await make(JSON.parse(JSON.stringify(environment.spec)));
    const sample = await environment.sample(2, { seed: 7 });
    expect((await again.sample(2, { seed: 7 })).rewards).toEqual(sample.rewards);
    expect(Array.from(sample.conditioning.classLabel as Int32Array)).toEqual([4, 4]);
  });

  it("is typed by its id", () => {
    expectTypeOf<EnvironmentOf<"images/dit">>().toEqualTypeOf<Environment<DDTensor, DitConditioning>>();
  });
});

describe("loading images/dit", () => {
  const changed = async (
    name: string,
    file: string,
    change: (object: Record<string, unknown>) => object,
  ): Promise<string> => {
    const copy = join(scratch, name);
    await cp(source, copy, { recursive: true });
    await writeFile(join(copy, file), JSON.stringify(change(JSON.parse(await readFile(join(copy, file), "utf8")))));
    return copy;
  };

  it("takes schedulers with learned variances, whose outputs are cut off", async () => {
    const learned = await changed("learned", "scheduler/scheduler_config.json", (config) => ({
      ...config,
      _class_name: "DDPMScheduler",
      variance_type: "learned_range",
    }));
    const other = await loadDit(learned);
    expect((await other.forward(x, t, guided)).data).toEqual((await model.forward(x, t, guided)).data);
  });

  it("takes folders without configurations, as far as the files say the rest", async () => {
    const bare = join(scratch, "bare");
    await cp(source, bare, { recursive: true });
    await rm(join(bare, "model_index.json"));
    await rm(join(bare, "transformer", "config.json"));
    const other = await loadDit(bare);
    expect([other.sampleShape, other.classNames.count, other.classNames.name(3)]).toEqual([[4, 8, 8], 10, ""]);
  });

  it("finds what the script wrote, or says how to run it", async () => {
    vi.stubEnv("XDG_CACHE_HOME", join(scratch, "cache"));
    try {
      await expect(makeBaseModel("images/dit")).rejects.toThrow(LoadingError);
      await expect(makeBaseModel("images/dit")).rejects.toThrow(/dit_to_onnx\.py.*images\/scenes/);
      await cp(source, join(scratch, "cache", "diffusiongym", "dit-xl-2-256"), { recursive: true });
      expect(await makeBaseModel("images/dit")).toBeInstanceOf(DitModel);
    } finally {
      vi.unstubAllEnvs();
    }
  });

  it.each(["transformer", "vae_decoder", "scheduler"])("says which component is missing: %s", async (component) => {
    const copy = join(scratch, `without-${component}`);
    await cp(source, copy, { recursive: true });
    await rm(join(copy, component), { recursive: true });
    await expect(loadDit(copy)).rejects.toThrow(LoadingError);
    await expect(loadDit(copy)).rejects.toThrow(new RegExp(`${component}/`));
  });

  it.each([
    [
      "another pipeline",
      "model_index.json",
      { _class_name: "StableDiffusionPipeline" },
      /StableDiffusionPipeline.*DiTPipeline/,
    ],
    [
      "names of classes that there are not",
      "model_index.json",
      { id2label: { 10: "whale" } },
      /class 10 "whale".*0 to 9/,
    ],
    ["another network", "transformer/config.json", { _class_name: "UNet2DModel" }, /UNet2DModel/],
    ["latents of other channels", "transformer/config.json", { in_channels: 3 }, /3/],
    ["another number of classes", "transformer/config.json", { num_embeds_ada_norm: 1000 }, /11 classes.*1000.*1001/],
    ["another size", "transformer/config.json", { sample_size: 16 }, /16, 16/],
    ["a size that has no patches", "transformer/config.json", { sample_size: 7 }, /multiples of 2/],
    ["another autoencoder", "vae_decoder/config.json", { _class_name: "VQModel" }, /VQModel/],
  ])("refuses %s", async (name, file, change, message) => {
    const copy = await changed(`refused ${name}`, file, (config) => ({ ...config, ...change }));
    await expect(loadDit(copy)).rejects.toThrow(message);
  });

  describe("another transformer", () => {
    /** A network that takes what a transformer takes, as a file, without a configuration. */
    const written = async (
      name: string,
      { channels = 4, out = 8, classes = "class_labels", of = 8 },
    ): Promise<string> => {
      const g = new GraphBuilder("transformer");
      const state = g.input("hidden_states", ["batch", channels, of, of]);
      const steps = g.cast(g.input("timestep", ["batch"], "int64"), "float32");
      const table = embedding(g, g.input(classes, ["batch"], "int64"), { name: "table", count: 11, dim: out });
      const made = conv2d(g, state, { name: "conv", out, kernel: 1 });
      g.output(
        "out_sample",
        g.add(g.add(made, g.unsqueeze(table, [2, 3])), g.unsqueeze(g.mul(steps, 1e-3), [1, 2, 3])),
      );
      const copy = join(scratch, `written ${name}`);
      await cp(source, copy, { recursive: true });
      await rm(join(copy, "transformer"), { recursive: true });
      await mkdir(join(copy, "transformer"));
      const network = Network.initialize(g.build(), RandomKey.fromSeed(1));
      await writeFile(join(copy, "transformer", "model.onnx"), network.save());
      return copy;
    };

    it("may give the noise alone, and be of another size", async () => {
      const [with8, with4] = [await written("eight", {}), await written("four", { out: 4, of: 16 })];
      expect((await (await loadDit(with8)).forward(x, t, guided)).shape).toEqual(shape);
      const larger = await loadDit(with4);
      expect(larger.sampleShape).toEqual([4, 16, 16]);
      const wide = DDTensor.randn(2, [4, 16, 16], RandomKey.fromSeed(1).streams());
      expect((await larger.forward(wide, t.slice(0, 2), { classLabel: 3, guidanceScale: 1 })).shape).toEqual(
        wide.shape,
      );
      expect((await larger.postprocess(wide)).shape).toEqual([2, 3, 32, 32]);
    });

    it.each([
      ["an output of other channels", { out: 6 }, /out_sample \[batch, 6, 8, 8\].*4 channels gives 4, or 8/],
      ["latents that the decoder does not take", { channels: 3, out: 3 }, /autoencoder of .*4 channels.* 3/],
    ])("is refused for %s", async (name, setup, message) => {
      const copy = await written(name, setup);
      await expect(loadDit(copy)).rejects.toThrow(IncompatibleError);
      await expect(loadDit(copy)).rejects.toThrow(message);
    });
  });

  it("refuses sizes and options that it cannot do", async () => {
    await expect(loadDit(source, { latentSize: 12 })).rejects.toThrow(IncompatibleError);
    await expect(loadDit(source, { latentSize: 9 })).rejects.toThrow("latentSize");
    await expect(loadDit(source, { classes: [] })).rejects.toThrow(ArgumentError);
    await expect(loadDit(source, { classes: ["vulcano"] })).rejects.toThrow('did you mean "volcano"?');
    await expect(loadDit(source, { labelDropout: 2 })).rejects.toThrow("labelDropout");
    await expect(loadDit(source, { guidanceScale: Number.NaN })).rejects.toThrow("guidanceScale");
  });
});
