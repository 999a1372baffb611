import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import {
  convertOutput,
  DDTensor,
  type Environment,
  type EnvironmentOf,
  make,
  makeBaseModel,
  type NoConditioning,
  RandomKey,
} from "@diffusiongym/core";
import { checkBaseModel } from "@diffusiongym/core/testing";
import { afterAll, beforeAll, describe, expect, expectTypeOf, it } from "vitest";
import { expectAllClose } from "../../../../tooling/test/close.js";
import { loadFixture } from "../../../../tooling/test/fixtures.js";
import { type CifarOptions, loadPixelModel, PixelModel } from "../../src/index.js";
import { FakeHub } from "../hub/fake-hub.js";

type Prediction = "epsilon" | "sample" | "v_prediction";
interface Golden {
  readonly x: readonly number[];
  readonly steps: readonly number[];
  readonly outputs: readonly number[];
  readonly endpoints: Readonly<Record<Prediction, readonly number[]>>;
  readonly noises: readonly number[];
  readonly rollouts: Readonly<Record<Prediction, { latent: readonly number[]; sample: readonly number[] }>>;
}
const golden = await loadFixture<Golden>("packages/images/test/fixtures/tiny-ddpm.json.gz");
const pipeline = fileURLToPath(new URL("../fixtures/tiny-ddpm", import.meta.url));
const shape = [4, 3, 8, 8];
const x = DDTensor.from([...golden.x], shape);
/** Times at which the table's entries are the golden's steps. */
const t = Float32Array.from(golden.steps, (step) => 1 - step / 999);
const predictions = ["epsilon", "sample", "v_prediction"] as const;

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "images-models-"));
  // All files in one folder, as google/ddpm-cifar10-32 has them.
  const flat = join(folder, "epsilon");
  await mkdir(flat);
  for (const name of [
    "unet/config.json",
    "unet/diffusion_pytorch_model.safetensors",
    "scheduler/scheduler_config.json",
  ]) {
    await cp(join(pipeline, name), join(flat, name.split("/")[1]!));
  }
  const scheduler = JSON.parse(await readFile(join(flat, "scheduler_config.json"), "utf8"));
  for (const prediction of ["sample", "v_prediction"]) {
    await cp(flat, join(folder, prediction), { recursive: true });
    await writeFile(
      join(folder, prediction, "scheduler_config.json"),
      JSON.stringify({ ...scheduler, prediction_type: prediction }),
    );
  }
  await mkdir(join(folder, "onnx"));
  await cp(join(pipeline, "unet", "model.onnx"), join(folder, "onnx", "model.onnx"));
  await cp(join(flat, "scheduler_config.json"), join(folder, "onnx", "scheduler_config.json"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** What a model thinks that its states end in. */
async function endpointsOf(model: PixelModel, states: DDTensor, times: Float32Array): Promise<DDTensor> {
  const output = await model.forward(states, times, {});
  const rows = Array.from(times, (time, i) => {
    const map = convertOutput(model.outputType, "endpoint", model.scheduler as never, time);
    return states.at(i).linearCombination(map.state, [[map.output, output.at(i)]]);
  });
  return DDTensor.collate(rows);
}

describe("a pipeline of diffusers", () => {
  it.each([
    ["with a folder for each part", pipeline],
    ["in one folder", "epsilon"],
    ["as an ONNX file with steps of integers", "onnx"],
  ])("%s gives the outputs that diffusers gives", async (_, place) => {
    const model = await loadPixelModel(resolve(folder, place), { sampleSize: 8 });
    expect(model.outputType).toBe("epsilon");
    expect(model.sampleShape).toEqual([3, 8, 8]);
    expect(model.scheduler.evaluateBatch((scheduler, time) => scheduler.modelInput(time), t)).toEqual(
      Float64Array.from(golden.steps),
    );
    expectAllClose((await model.forward(x, t, {})).data, golden.outputs, { relative: 1e-4, absolute: 1e-5 });
  });

  it.each(predictions)("that predicts %s has the endpoint that diffusers takes from it", async (prediction) => {
    const model = await loadPixelModel(join(folder, prediction));
    expect(model.outputType).toBe(prediction === "epsilon" ? "epsilon" : "endpoint");
    const endpoints = await endpointsOf(model, x, t);
    // At step 999 alpha is 0.006, by which epsilon's error is divided.
    expectAllClose(endpoints.data, golden.endpoints[prediction], { relative: 1e-4, absolute: 2e-3 });
    expectAllClose(endpoints.slice(0, 3).data, golden.endpoints[prediction].slice(0, 3 * 192), {
      relative: 1e-4,
      absolute: 2e-5,
    });
  });

  it.each(predictions)("that predicts %s takes ten steps of the SDE as the definitions say", async (prediction) => {
    const environment = await make("images/cifar", "images/red", {
      baseModel: { source: join(folder, prediction) },
      steps: 10,
    });
    const noises = Array.from({ length: 10 }, (_, k) =>
      DDTensor.from(golden.noises.slice(k * 768, (k + 1) * 768), shape),
    );
    const { latent, sample, rewards } = await environment.sample(4, { x0: x, noises });
    const scale = Math.max(...golden.rollouts[prediction].latent.map(Math.abs));
    expectAllClose(latent.data, golden.rollouts[prediction].latent, { relative: 1e-4, absolute: 1e-4 * scale });
    expectAllClose(sample.data, golden.rollouts[prediction].sample, { absolute: 1e-4 * scale });
    expect(sample.data.every((value) => value >= 0 && value <= 1)).toBe(true);
    expect(rewards.length).toBe(4);
  });
});

describe("the model", () => {
  it("keeps the promises of a base model, and says what it leaves out", async () => {
    const model = await loadPixelModel(join(folder, "epsilon"));
    await checkBaseModel(model);
    expect(model.notes).toEqual([expect.stringContaining("clip_sample")]);
  });

  it.each(["epsilon", "v_prediction", "onnx"])(
    "of %s is cloned to be trained in full; the original stays",
    async (place) => {
      const model = await loadPixelModel(join(folder, place), { sampleSize: 8 });
      const policy = model.clone();
      expect(policy).toBeInstanceOf(PixelModel);
      expect(policy.network.parameters.size).toBeGreaterThan(40_000);
      const before = await model.forward(x, t, {});
      const targets = before.scale(0.5);
      const batch = { x, t, conditioning: {}, targets, weights: 1 };
      const { loss } = await policy.regress(batch);
      const { parameters, gradients } = policy.network;
      const squared = gradients.data.reduce((sum, value) => sum + value * value, 0);
      // A step against the gradient lowers the loss by its square, to first order.
      const step = (1e-3 * loss) / squared;
      for (let i = 0; i < parameters.data.length; i++) parameters.data[i]! -= step * gradients.data[i]!;
      const after = await policy.regress(batch);
      expect((loss - after.loss) / (step * squared)).toBeCloseTo(1, 1);
      expect((await model.forward(x, t, {})).data).toEqual(before.data);
    },
  );

  it("is cloned to be trained by adapters of low rank, which begin as nothing", async () => {
    const model = await loadPixelModel(join(folder, "epsilon"));
    const policy = model.clone({ trainable: "lora", rank: 2 });
    expect(policy.network.parameters.size).toBeLessThan(10_000);
    const before = await model.forward(x, t, {});
    expectAllClose((await policy.forward(x, t, {})).data, before.data, { relative: 1e-4, absolute: 1e-5 });
    await policy.regress({ x, t, conditioning: {}, targets: before.scale(0.5), weights: 1 });
    expect(policy.network.gradients.data.some((value) => value !== 0)).toBe(true);
  });

  it("has the gradient of its output with respect to the state", async () => {
    const model = await loadPixelModel(join(folder, "v_prediction"));
    const cotangents = x.randnLike(RandomKey.fromSeed(1).streams());
    const direction = x.randnLike(RandomKey.fromSeed(2).streams());
    const { gradient } = await model.vjp({ x, t, conditioning: {}, cotangents });
    const [up, down] = await Promise.all(
      [1e-2, -1e-2].map((step) => model.forward(x.linearCombination(1, [[step, direction]]), t, {})),
    );
    const numeric = up!.sub(down!).mul(cotangents).aggregate("sum");
    const exact = gradient.mul(direction).aggregate("sum");
    for (const [i, value] of numeric.entries()) expect(value / 2e-2).toBeCloseTo(exact[i]!, 1);
  });

  it("has the gradient of its postprocessing", async () => {
    const model = await loadPixelModel(join(folder, "epsilon"));
    const latent = DDTensor.from([-1.5, -0.5, 0.25, 2], [1, 1, 2, 2]);
    expect([...model.postprocess(latent).data]).toEqual([0, 0.25, 0.625, 1]);
    const ones = DDTensor.from([1, 2, 3, 4], [1, 1, 2, 2]);
    expect([...model.postprocessVjp(latent, {}, ones).data]).toEqual([0, 1, 1.5, 0]);
  });

  it("is made again from the spec of its environment", async () => {
    const environment = await make("images/cifar", "images/compression", {
      baseModel: { source: join(folder, "epsilon") },
      steps: 3,
    });
    const again = await make(JSON.parse(JSON.stringify(environment.spec)));
    expect((await again.sample(2, { seed: 7 })).rewards).toEqual((await environment.sample(2, { seed: 7 })).rewards);
  });

  it("is typed by its id", () => {
    expectTypeOf<EnvironmentOf<"images/cifar">>().toEqualTypeOf<Environment<DDTensor, NoConditioning>>();
    expectTypeOf(make<"images/cifar", "images/compression">)
      .parameter(2)
      .toExtend<{ baseModel?: CifarOptions; reward?: { quality?: number } } | undefined>();
    // @ts-expect-error a reward of another modality
    expectTypeOf(make<"images/cifar", "molecules/qed">).toBeFunction();
  });
});

describe("loading images/cifar", () => {
  let hub: FakeHub;
  beforeAll(async () => {
    hub = await FakeHub.start();
    for (const name of ["config.json", "diffusion_pytorch_model.safetensors", "scheduler_config.json"]) {
      hub.files.set(name, {
        content: await readFile(join(folder, "epsilon", name)),
        large: name.endsWith("safetensors"),
      });
    }
  });
  afterAll(() => hub.stop());

  it("downloads what a hub has, once", async () => {
    const options = { source: hub.id, endpoint: hub.endpoint, cacheDirectory: join(folder, "cache") };
    const model = await makeBaseModel("images/cifar", options);
    expectAllClose((await model.forward(x, t, {})).data, golden.outputs, { relative: 1e-4, absolute: 1e-5 });
    hub.requests.length = 0;
    await makeBaseModel("images/cifar", { ...options, localFilesOnly: true });
    expect(hub.requests).toEqual([]);
  });

  it("reports one progress and stops with a signal", async () => {
    let last = { loadedBytes: 0, totalBytes: 0 as number | undefined };
    const setup = { endpoint: hub.endpoint, cacheDirectory: join(folder, "cache2"), token: false as const };
    const controller = new AbortController();
    controller.abort("no");
    await expect(loadPixelModel(hub.id, { ...setup, signal: controller.signal })).rejects.toMatchObject({
      name: "AbortError",
    });
    await loadPixelModel(hub.id, { ...setup, onProgress: (progress) => (last = progress) });
    expect(last.loadedBytes).toBe(last.totalBytes);
    expect(last.totalBytes).toBeGreaterThan(190_000);
  });

  it("says what to do where nothing is there and the network may not be used", async () => {
    const made = makeBaseModel("images/cifar", { cacheDirectory: join(folder, "empty"), localFilesOnly: true });
    await expect(made).rejects.toMatchObject({
      name: "LoadingError",
      failure: "offline",
      source: "google/ddpm-cifar10-32",
    });
    await expect(made).rejects.toThrow(/config\.json.*resolve\/main\/config\.json.*put it at.*safetensors/);
  });

  it("refuses a damaged file, weights of another network, and a network of another kind", async () => {
    const broken = join(folder, "broken");
    await cp(join(folder, "epsilon"), broken, { recursive: true });
    const weights = await readFile(join(broken, "diffusion_pytorch_model.safetensors"));
    const config = JSON.parse(await readFile(join(broken, "config.json"), "utf8"));
    const write = async (changes: object, bytes: Uint8Array = weights): Promise<unknown> => {
      await writeFile(join(broken, "config.json"), JSON.stringify({ ...config, ...changes }));
      await writeFile(join(broken, "diffusion_pytorch_model.safetensors"), bytes);
      return makeBaseModel("images/cifar", { source: broken }).catch((error: unknown) => error);
    };
    expect(await write({}, weights.subarray(0, 100_000))).toMatchObject({ name: "FormatError", format: "safetensors" });
    expect(await write({ block_out_channels: [8, 32] })).toMatchObject({ name: "ShapeError" });
    expect(await write({ layers_per_block: 2 })).toMatchObject({ name: "IncompatibleError" });
    expect(await write({ out_channels: 6 })).toMatchObject({ message: expect.stringContaining("learned variance") });
    expect(await write({ num_class_embeds: 10 })).toMatchObject({
      message: expect.stringContaining("a class for every image"),
    });
    expect(await write({ sample_size: null })).toMatchObject({
      message: expect.stringContaining("Give the option sampleSize"),
    });
    expect(await write({ unknown_key: 1 })).toMatchObject({ message: expect.stringContaining("unknown_key") });
    expect(await write({})).toBeInstanceOf(PixelModel);
  });
});
