import { loadPixelModel } from "./load-pixel-model.js";
import type { PixelModel } from "./pixel-model.js";

/** Options of `images/cifar`. */
export interface CifarOptions {
  /** Id of a hub repository, address of a folder, or path of one. @default "google/ddpm-cifar10-32" */
  readonly source?: string;
  /** Branch, tag or commit of a hub repository. @default "main" */
  readonly revision?: string;
  /** Address of the hub or of a mirror. @default HF_ENDPOINT, or https://huggingface.co */
  readonly endpoint?: string;
  /** Folder of the cache. @default HF_HUB_CACHE, or HF_HOME/hub, or ~/.cache/huggingface/hub */
  readonly cacheDirectory?: string;
  /** Never use the network. @default true when HF_HUB_OFFLINE is set, else false */
  readonly localFilesOnly?: boolean;
  /** Height and width of the images, or one number for both. @default what the model's files say */
  readonly sampleSize?: number | readonly [number, number];
}

/**
 * The maker of `images/cifar`: the denoising diffusion model of arXiv 2006.11239 for images of 32 x 32 pixels (35.7 million
 * parameters, 143 MB), or any other `UNet2DModel` of diffusers. `loadPixelModel` does the same and takes a token, a signal and
 * a progress callback, which have no place in a spec.
 * @throws as `loadPixelModel`
 */
export function makeCifar({ source = "google/ddpm-cifar10-32", ...options }: CifarOptions = {}): Promise<PixelModel> {
  return loadPixelModel(source, options);
}
