import { FormatError } from "@diffusiongym/core";
import type { Repository } from "../hub/index.js";
import { parseObject } from "./json-object.js";

/** The files of a pixel-space diffusion model in a repository. */
export interface UnetFiles {
  /** Name of the network's configuration within the repository; an ONNX file may be without one. */
  readonly config: string | undefined;
  /** Name of the network's weights, or of its ONNX file. */
  readonly weights: string;
  /** What `weights` is. */
  readonly kind: "safetensors" | "onnx";
  /** Name of the scheduler's configuration. */
  readonly scheduler: string;
}

/** What else a `config.json` may be of. */
const others: Readonly<Record<string, string>> = {
  UNet2DConditionModel: "a network that takes prompts (Stable Diffusion and its kin)",
  AutoencoderKL: "a decoder of latents, not a diffusion model",
  VQModel: "a decoder of latents, not a diffusion model",
  DiTTransformer2DModel: "a diffusion transformer",
  Transformer2DModel: "a diffusion transformer",
};

/** Where a network may be: with everything else, or in its folder of a pipeline. */
const folders = ["", "unet/"];

/**
 * Finds the U-Net and the scheduler of a repository, all in one folder or in the folders `unet/` and `scheduler/` of a pipeline.
 * Weights as safetensors come before an ONNX file.
 * @param readText reads a file that the repository gave
 * @throws LoadingError when one is missing; FormatError for networks of other classes, and for weights that are only there as
 *   a pickle, which is never read
 */
export async function findUnetFiles(
  repository: Repository,
  readText: (path: string) => Promise<string>,
): Promise<UnetFiles> {
  const configs = folders.map((folder) => `${folder}config.json`);
  const config = await firstOf(repository, configs);
  if (config !== undefined) {
    const [path] = await repository.files([config]);
    requireUnet(await readText(path!), config, repository.name);
  }
  const network =
    config === undefined
      ? await firstOf(
          repository,
          folders.map((folder) => `${folder}model.onnx`),
        )
      : undefined;
  if (config === undefined && network === undefined) {
    // Says what was looked for, and where.
    await repository.first(configs);
  }
  const found = network ?? (await findWeights(repository, config!.slice(0, -"config.json".length)));
  return {
    config,
    weights: found,
    kind: found.endsWith(".onnx") ? "onnx" : "safetensors",
    scheduler: await repository.first(["scheduler_config.json", "scheduler/scheduler_config.json"]),
  };
}

async function firstOf(repository: Repository, files: readonly string[]): Promise<string | undefined> {
  for (const file of files) {
    if (await repository.has(file)) {
      return file;
    }
  }
  return undefined;
}

function requireUnet(text: string, file: string, name: string): void {
  const { _class_name: className } = parseObject(text, file);
  if (className === "UNet2DModel") {
    return;
  }
  const known = others[String(className)];
  throw new FormatError(
    `${file} of ${name} is of ${className === undefined ? "no class of diffusers" : `a ${String(className)}`}` +
      `${known === undefined ? "" : `, ${known}`}; a UNet2DModel is needed.`,
    "diffusers config",
    file,
  );
}

async function findWeights(repository: Repository, folder: string): Promise<string> {
  const weights = `${folder}diffusion_pytorch_model.safetensors`;
  const pickle = `${folder}diffusion_pytorch_model.bin`;
  const sharded = `${weights}.index.json`;
  const found = await firstOf(repository, [weights, `${folder}model.onnx`, pickle, sharded]);
  if (found === pickle) {
    throw new FormatError(
      `${repository.name} has its weights only as ${pickle}. That is a pickle, a program that runs when it is read, so it is never ` +
        "read here. Convert it once with Python, where you trust it, and give the folder as source: " +
        `from diffusers import UNet2DModel; UNet2DModel.from_pretrained("${repository.name}"` +
        `${folder === "" ? "" : `, subfolder="${folder.slice(0, -1)}"`}, use_safetensors=False).save_pretrained("FOLDER") ` +
        "and copy scheduler_config.json beside it.",
      "pickle",
      pickle,
    );
  }
  if (found === sharded) {
    throw new FormatError(
      `${repository.name} has its weights in several files (${sharded}), which is not supported; save them as one: ` +
        'model.save_pretrained("FOLDER", max_shard_size="100GB").',
      "diffusers config",
      sharded,
    );
  }
  return found ?? (await repository.first([weights]));
}
