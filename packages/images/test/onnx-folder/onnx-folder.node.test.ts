import { cp, mkdir, mkdtemp, readFile, rename, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { DDTensor, Diffusion, RandomKey, Tensor } from "@diffusiongym/core";
import { GraphBuilder, Network } from "@diffusiongym/nn";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { expectAllClose } from "../../../../tooling/test/close.js";
import { adaptDenoiser, OnnxFolder } from "../../src/onnx-folder/index.js";
import { FakeHub } from "../hub/fake-hub.js";

const pipeline = fileURLToPath(new URL("../fixtures/tiny-stable-diffusion", import.meta.url));
vi.setConfig({ testTimeout: 60_000 });

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "images-onnx-folder-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function copyOf(name: string, ...components: string[]): Promise<string> {
  const place = join(folder, name);
  await mkdir(place);
  await cp(join(pipeline, "model_index.json"), join(place, "model_index.json"));
  for (const component of components) await cp(join(pipeline, component), join(place, component), { recursive: true });
  return place;
}

describe("a folder of ONNX files", () => {
  it("says what it is and what its networks take, without reading their weights", async () => {
    const opened = await OnnxFolder.open(pipeline);
    expect(opened.pipelineClass).toBe("StableDiffusionPipeline");
    expect(await opened.inputsOf("unet")).toEqual([
      { name: "sample", shape: ["batch_size", "num_channels", "height", "width"] },
      { name: "timestep", shape: ["steps"] },
      { name: "encoder_hidden_states", shape: ["batch_size", "sequence_length", 16] },
    ]);
    opened.requireClass(["StableDiffusionPipeline"]);
    expect(() => opened.requireClass(["DiTPipeline"])).toThrow(/is a StableDiffusionPipeline.*needed is DiTPipeline/);
  });

  it("opens a network with its weights in a file beside it, and fixes the lengths that are known", async () => {
    const opened = await OnnxFolder.open(pipeline);
    const lengths = { sample: [undefined, 4, 8, 8], encoder_hidden_states: [undefined, 77, 16] };
    const network = await opened.network("unet", { lengths });
    expect(network.inputs.map(({ shape }) => shape)).toEqual([
      ["batch_size", 4, 8, 8],
      ["steps"],
      ["batch_size", 77, 16],
    ]);
    expect(network.parameters.size).toBeGreaterThan(40_000);
    await expect(opened.network("unet", { lengths: { encoder_hidden_states: [undefined, 77, 768] } })).rejects.toThrow(
      /unet\/model\.onnx of .* takes "encoder_hidden_states" of shape \[batch_size, sequence_length, 16\]; \[\?, 77, 768\] is needed/,
    );
    await expect(opened.network("unet", { lengths: { sample: [4, 8, 8] } })).rejects.toMatchObject({
      name: "IncompatibleError",
    });
  });

  it("finds weights in a file of any name", async () => {
    const place = await copyOf("named", "unet");
    const model = join(place, "unet", "model.onnx");
    const bytes = await readFile(model);
    // A name of the same length, so that no length in the file changes.
    await writeFile(
      model,
      Buffer.from(bytes.toString("latin1").replaceAll("model.onnx_data", "other.onnx_data"), "latin1"),
    );
    await rename(join(place, "unet", "model.onnx_data"), join(place, "unet", "other.onnx_data"));
    const network = await (await OnnxFolder.open(place)).network("unet");
    expect(network.parameters.size).toBeGreaterThan(40_000);
    await rm(join(place, "unet", "other.onnx_data"));
    await expect((await OnnxFolder.open(place)).network("unet")).rejects.toMatchObject({
      name: "LoadingError",
      failure: "missing",
      file: "unet/other.onnx_data",
    });
  });

  it("names the component that is missing, and says how to export one", async () => {
    const place = await copyOf("missing", "vae_decoder");
    const opened = await OnnxFolder.open(place);
    await expect(opened.network("unet")).rejects.toMatchObject({ name: "LoadingError", file: "unet/model.onnx" });
    await mkdir(join(place, "unet"));
    await writeFile(join(place, "unet", "diffusion_pytorch_model.safetensors"), "");
    await expect((await OnnxFolder.open(place)).network("unet")).rejects.toThrow(/pipeline for PyTorch.*optimum-cli/);
    expect(await opened.jsonIfThere("unet/config.json")).toEqual({});
    await writeFile(join(place, "vae_decoder", "config.json"), "[1]");
    await expect(opened.json("vae_decoder/config.json")).rejects.toThrow(/holds \[1\] where an object is needed/);
    await writeFile(join(place, "vae_decoder", "config.json"), "{");
    await expect(opened.json("vae_decoder/config.json")).rejects.toMatchObject({ name: "FormatError" });
  });

  it("names the file that is damaged", async () => {
    const place = await copyOf("damaged", "vae_decoder", "text_encoder", "unet", "vae_encoder");
    const of = (component: string): Promise<unknown> =>
      OnnxFolder.open(place)
        .then((opened) => opened.network(component))
        .catch((error: unknown) => error);
    const [cut, words, data] = ["vae_decoder", "text_encoder", "unet"].map((component) => join(place, component));
    await truncate(join(cut!, "model.onnx"), 50_000);
    await writeFile(join(words!, "model.onnx"), "<html>Not found</html>");
    await truncate(join(data!, "model.onnx_data"), 1000);
    const bytes = await readFile(join(place, "vae_encoder", "model.onnx"));
    bytes.fill(0xff, 20_000, 21_000);
    await writeFile(join(place, "vae_encoder", "model.onnx"), bytes);
    for (const component of ["vae_decoder", "text_encoder", "unet", "vae_encoder"]) {
      const error = await of(component);
      expect(error).toMatchObject({ name: expect.stringMatching(/^(FormatError|FileError)$/) });
      expect((error as Error).message).toContain(component);
    }
  });

  it("comes from a hub with one progress over all networks and files", async () => {
    const hub = await FakeHub.start();
    try {
      const files = ["unet/model.onnx", "unet/model.onnx_data", "vae_decoder/model.onnx", "vae_decoder/config.json"];
      for (const name of ["model_index.json", ...files]) {
        hub.files.set(name, { content: await readFile(join(pipeline, name)), large: name.includes("model.onnx") });
      }
      const told: { loadedBytes: number; totalBytes: number | undefined }[] = [];
      const opened = await OnnxFolder.open(hub.id, {
        endpoint: hub.endpoint,
        cacheDirectory: join(folder, "cache"),
        token: false,
        onProgress: (progress) => told.push(progress),
      });
      expect(told).toEqual([]);
      await opened.fetch({ components: ["unet", "vae_decoder"], files: ["vae_decoder/config.json"] });
      const sizes = await Promise.all(files.map(async (file) => (await readFile(join(pipeline, file))).length));
      const total = sizes.reduce((sum, size) => sum + size, 0);
      expect(told.every(({ totalBytes }) => totalBytes === total)).toBe(true);
      expect(told.at(-1)!.loadedBytes).toBe(total);
      const { length } = told;
      hub.requests.length = 0;
      expect((await opened.network("unet")).parameters.size).toBeGreaterThan(40_000);
      expect(hub.requests.filter(({ method }) => method === "GET")).toEqual([]);
      expect(told.length).toBe(length);
    } finally {
      await hub.stop();
    }
  });
});

describe("a denoiser", () => {
  const scheduler = Diffusion.scaledLinear();
  const state = DDTensor.randn(2, [1, 2, 2], RandomKey.fromSeed(0).streams());

  /** state * 2 + step / 1000, where the step is taken as a file may take it. */
  function denoiser(type: "float32" | "int64" | "int32", shape: readonly (string | number)[]): Network {
    const g = new GraphBuilder("denoiser");
    const sample = g.input("sample", ["batch", 1, 2, 2]);
    const step = g.mul(g.cast(g.input("timestep", shape, type), "float32"), 1e-3);
    const shaped = shape.length === 0 ? step : g.unsqueeze(step, [1, 2, 3]);
    g.output("out_sample", g.add(g.mul(sample, 2), shaped));
    return Network.initialize(g.build(), RandomKey.fromSeed(0));
  }

  it.each([
    ["float32", ["batch"], false],
    ["int64", ["batch"], false],
    ["int32", ["steps"], false],
    ["int64", [1], true],
    ["int64", [], true],
    ["float32", [], true],
  ] as const)("with steps of %s [%s] takes one float a sample", async (type, shape, oneTime) => {
    const given = denoiser(type, shape);
    const adapted = adaptDenoiser(given, { file: "model.onnx", scheduler, prediction: "epsilon" });
    expect(adapted).toMatchObject({ state: "sample", time: "timestep.float", others: [], oneTime });
    const steps = Tensor.from(oneTime ? [500, 500] : [500, 20]);
    const { out_sample: out } = await adapted.network.run({ sample: state.tensor, "timestep.float": steps });
    expectAllClose(
      out!.data,
      state.data.map((value, i) => 2 * value + steps.data[Math.floor(i / 4)]! / 1000),
      { absolute: 1e-6 },
    );
  });

  it("of v gives the endpoint alpha x - beta v, in which gradients flow", async () => {
    const adapted = adaptDenoiser(denoiser("int64", []), { file: "model.onnx", scheduler, prediction: "v_prediction" });
    const steps = Tensor.from([500, 500]);
    const inputs = { sample: state.tensor, "timestep.float": steps };
    const [alpha, beta] = [Math.sqrt(scheduler.alphaBar[500]!), Math.sqrt(1 - scheduler.alphaBar[500]!)];
    const { endpoint } = await adapted.network.run(inputs);
    expectAllClose(
      endpoint!.data,
      state.data.map((value) => alpha * value - beta * (2 * value + 0.5)),
      { absolute: 1e-6 },
    );
    const { gradients } = await adapted.network.vjp(
      inputs,
      { endpoint: Tensor.full([2, 1, 2, 2], 1) },
      { wrt: ["sample"] },
    );
    expectAllClose(gradients.sample!.data, new Float32Array(8).fill(alpha - 2 * beta), { absolute: 1e-6 });
  });

  it("is told from other networks", () => {
    const g = new GraphBuilder("other");
    g.output("y", g.mul(g.input("pixel_values", ["N", 3, 4, 4]), 2));
    const other = Network.initialize(g.build(), RandomKey.fromSeed(0));
    expect(() => adaptDenoiser(other, { file: "unet/model.onnx", scheduler, prediction: "epsilon" })).toThrow(
      /unet\/model\.onnx takes pixel_values: float32 \[N, 3, 4, 4\] and gives y/,
    );
  });
});
