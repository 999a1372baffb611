import { FormatError } from "@diffusiongym/core";
import { LoadingError, type Repository } from "../hub/index.js";
import type { NodeModules } from "../platform/index.js";
import { parseObject } from "./json-object.js";

/** The files of a pixel-space diffusion model in a repository. */
export interface UnetFiles {
  /** Name of the network's configuration within the repository. */
  readonly config: string;
  /** Name of the network's weights. */
  readonly weights: string;
  /** Name of the scheduler's configuration. */
  readonly scheduler: string;
}

/** What else a `config.json` may be of, and what takes it. */
const others: Readonly<Record<string, string>> = {
  UNet2DConditionModel: "a network that takes prompts (Stable Diffusion and its kin)",
  AutoencoderKL: "a decoder of latents, not a diffusion model",
  VQModel: "a decoder of latents, not a diffusion model",
  DiTTransformer2DModel: "a diffusion transformer",
  Transformer2DModel: "a diffusion transformer",
};

/**
 * Finds the U-Net and the scheduler of a repository, in the folders `unet/` and `scheduler/` of a pipeline or all in one.
 * @throws LoadingError when one is missing; FormatError for networks of other classes, and for weights that are only there as
 *   a pickle, which is never read
 */
export async function findUnetFiles(repository: Repository, { fs }: Pick<NodeModules, "fs">): Promise<UnetFiles> {
  const config = await repository.first(["unet/config.json", "config.json"]);
  const [path] = await repository.files([config]);
  const { _class_name: className } = parseObject(await fs.readFile(path!, "utf8"), config);
  if (className !== "UNet2DModel") {
    const known = others[String(className)];
    throw new FormatError(
      `${config} of ${repository.name} is of ${className === undefined ? "no class of diffusers" : `a ${String(className)}`}` +
        `${known === undefined ? "" : `, ${known}`}; a UNet2DModel is needed.`,
      "diffusers config",
      config,
    );
  }
  const folder = config.slice(0, -"config.json".length);
  return {
    config,
    weights: await findWeights(repository, folder),
    scheduler: await repository.first(["scheduler/scheduler_config.json", "scheduler_config.json"]),
  };
}

async function findWeights(repository: Repository, folder: string): Promise<string> {
  const weights = `${folder}diffusion_pytorch_model.safetensors`;
  if (await repository.has(weights)) {
    return weights;
  }
  const pickle = `${folder}diffusion_pytorch_model.bin`;
  if (await repository.has(pickle)) {
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
  const sharded = `${weights}.index.json`;
  if (await repository.has(sharded)) {
    throw new FormatError(
      `${repository.name} has its weights in several files (${sharded}), which is not supported; save them as one: ` +
        'model.save_pretrained("FOLDER", max_shard_size="100GB").',
      "diffusers config",
      sharded,
    );
  }
  throw new LoadingError(
    `${repository.name} has ${folder}config.json and no weights: neither ${weights} nor ${pickle}.`,
    { failure: "missing", source: repository.name, file: weights, address: repository.address(weights) },
  );
}
