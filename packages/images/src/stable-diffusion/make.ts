import { loadStableDiffusion, type StableDiffusionSizes } from "./load-stable-diffusion.js";
import type { StableDiffusionDefaults, StableDiffusionModel } from "./stable-diffusion-model.js";

/** Options of `images/sd1.5`, `images/sd2` and `images/stable-diffusion`. */
export interface StableDiffusionOptions extends StableDiffusionDefaults, StableDiffusionSizes {
  /** Id of a hub repository, address of a folder, or path of one. @default that of the model's name; Stable Diffusion 1.5 */
  readonly source?: string;
  /** Branch, tag or commit of a hub repository. @default "main"; "cpu" for the repository of `images/sd2` */
  readonly revision?: string;
  /** Address of the hub or of a mirror. @default HF_ENDPOINT, or https://huggingface.co */
  readonly endpoint?: string;
  /** Folder of the cache. @default HF_HUB_CACHE, or HF_HOME/hub, or ~/.cache/huggingface/hub */
  readonly cacheDirectory?: string;
  /** Never use the network. @default true when HF_HUB_OFFLINE is set, else false */
  readonly localFilesOnly?: boolean;
}

/**
 * The maker of `images/sd1.5` and `images/stable-diffusion`: Stable Diffusion 1.5 (860 million parameters), or what `source` names.
 * @throws as `loadStableDiffusion`
 */
export function makeStableDiffusion({
  source = "onnx-community/stable-diffusion-v1-5-ONNX",
  ...options
}: StableDiffusionOptions = {}): Promise<StableDiffusionModel> {
  return loadStableDiffusion(source, options);
}

/**
 * The maker of `images/sd2`: Stable Diffusion 2.1 base, stored in 16 bits. The repository's branch `main` has operators that only
 * GPUs have; its branch `cpu`, the default here, runs everywhere.
 * @throws as `loadStableDiffusion`
 */
export function makeStableDiffusion2({
  source,
  revision,
  ...options
}: StableDiffusionOptions = {}): Promise<StableDiffusionModel> {
  const chosen = revision ?? (source === undefined ? "cpu" : undefined);
  return loadStableDiffusion(source ?? "aislamov/stable-diffusion-2-1-base-onnx", {
    ...options,
    ...(chosen !== undefined && { revision: chosen }),
  });
}
