import * as fs from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { findUnetFiles, type UnetFiles } from "../../src/diffusers/index.js";
import { Repository } from "../../src/hub/index.js";

let folder: string;
beforeEach(async () => {
  folder = await fs.mkdtemp(join(tmpdir(), "images-unet-"));
});
afterEach(() => fs.rm(folder, { recursive: true, force: true }));

const unet = '{"_class_name": "UNet2DModel"}';
async function find(files: Readonly<Record<string, string>>): Promise<UnetFiles> {
  for (const [name, content] of Object.entries(files)) {
    await fs.mkdir(dirname(join(folder, name)), { recursive: true });
    await fs.writeFile(join(folder, name), content);
  }
  return findUnetFiles(await Repository.open(folder, {}, {}), (path) => fs.readFile(path, "utf8"));
}

describe("the files of a U-Net", () => {
  it("are found where all lie in one folder", async () => {
    expect(
      await find({ "config.json": unet, "diffusion_pytorch_model.safetensors": "", "scheduler_config.json": "{}" }),
    ).toEqual({
      config: "config.json",
      weights: "diffusion_pytorch_model.safetensors",
      kind: "safetensors",
      scheduler: "scheduler_config.json",
    });
  });

  it("are found in the folders of a pipeline", async () => {
    expect(
      await find({
        "model_index.json": "{}",
        "unet/config.json": unet,
        "unet/diffusion_pytorch_model.safetensors": "",
        "scheduler/scheduler_config.json": "{}",
      }),
    ).toEqual({
      config: "unet/config.json",
      weights: "unet/diffusion_pytorch_model.safetensors",
      kind: "safetensors",
      scheduler: "scheduler/scheduler_config.json",
    });
  });

  it("may be an ONNX file, with a configuration or without", async () => {
    expect(await find({ "model.onnx": "", "scheduler_config.json": "{}" })).toEqual({
      config: undefined,
      weights: "model.onnx",
      kind: "onnx",
      scheduler: "scheduler_config.json",
    });
    expect(await find({ "unet/model.onnx": "", "config.json": unet })).toMatchObject({ weights: "model.onnx" });
    await fs.rm(join(folder, "config.json"));
    await fs.rm(join(folder, "model.onnx"));
    expect(await find({ "unet/config.json": unet })).toMatchObject({
      config: "unet/config.json",
      weights: "unet/model.onnx",
    });
  });

  it("are refused as a pickle, with how to convert it", async () => {
    const found = find({
      "unet/config.json": unet,
      "unet/diffusion_pytorch_model.bin": "",
      "scheduler_config.json": "{}",
    });
    await expect(found).rejects.toMatchObject({ name: "FormatError", format: "pickle" });
    await expect(found).rejects.toThrow(
      `UNet2DModel.from_pretrained("${folder}", subfolder="unet", use_safetensors=False).save_pretrained("FOLDER")`,
    );
  });

  it.each([
    [{}, "has no config.json (nor unet/config.json)"],
    [{ "config.json": '{"_class_name": "UNet2DConditionModel"}' }, "takes prompts"],
    [{ "config.json": '{"_class_name": "AutoencoderKL"}' }, "a decoder of latents"],
    [{ "config.json": '{"_class_name": "Kandinsky"}' }, "is of a Kandinsky; a UNet2DModel is needed"],
    [{ "config.json": '{"model_type": "bert"}' }, "of no class of diffusers"],
    [{ "config.json": "<html>" }, "config.json is no JSON"],
    [{ "config.json": unet }, "has no diffusion_pytorch_model.safetensors"],
    [{ "config.json": unet, "diffusion_pytorch_model.safetensors.index.json": "{}" }, "max_shard_size"],
    [
      { "config.json": unet, "diffusion_pytorch_model.safetensors": "" },
      "has no scheduler_config.json (nor scheduler/scheduler_config.json)",
    ],
  ])("are refused in words: %j", async (files, message) => {
    await expect(find(files as Record<string, string>)).rejects.toThrow(message);
  });
});
