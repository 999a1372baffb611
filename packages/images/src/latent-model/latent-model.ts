import { ArgumentError, type DDTensor, type Diffusion, type OutputType } from "@diffusiongym/core";
import type { Autoencoder } from "../autoencoder/index.js";
import { checkGuidanceScale, type GuidanceScale, GuidedModel, type GuidedModelOptions } from "../guidance/index.js";
import type { Denoiser } from "../onnx-folder/index.js";

/** Parts that every guided diffusion of latents has. */
export interface LatentModelOptions extends Pick<GuidedModelOptions, "branches" | "checkpoint"> {
  /** The network, as `adaptDenoiser` gives it; its third input takes the condition. */
  readonly denoiser: Denoiser;
  /** What it returns. */
  readonly outputType: OutputType;
  /** The path that it was trained on. */
  readonly scheduler: Diffusion;
  readonly autoencoder: Autoencoder;
  /** Channels, height and width of the latents. */
  readonly latentShape: readonly [number, number, number];
  /** What its files ask for and is not done, in words. @default none */
  readonly notes?: readonly string[];
}

/**
 * A diffusion of latents with classifier-free guidance, decoded to images in [0, 1]. Its parameters are those of the network that
 * is guided; the autoencoder stays as it is and is shared by clones.
 */
export abstract class LatentModel<C extends object> extends GuidedModel<C> {
  /** What the model's files ask of the sampler that they were made for, and that is not done here, in words. */
  readonly notes: readonly string[];
  readonly autoencoder: Autoencoder;
  /** Guidance scale of samples that are not given one. */
  readonly guidanceScale: GuidanceScale;

  /** @throws ArgumentError for a guidance scale that is none */
  constructor(options: LatentModelOptions, guidanceScale: GuidanceScale) {
    const { denoiser, outputType, scheduler, latentShape, branches, checkpoint } = options;
    super({
      network: denoiser.network,
      stateInput: denoiser.state,
      timeInput: denoiser.time,
      oneTime: denoiser.oneTime,
      outputType,
      scheduler,
      sampleShape: latentShape,
      ...(branches && { branches }),
      ...(checkpoint !== undefined && { checkpoint }),
    });
    this.notes = options.notes ?? [];
    this.autoencoder = options.autoencoder;
    this.guidanceScale = checkGuidanceScale(guidanceScale);
  }

  /** Images in [0, 1], decoded one at a time unless the autoencoder was told otherwise. */
  override postprocess(latent: DDTensor): Promise<DDTensor> {
    return this.autoencoder.decode(latent);
  }

  /** The gradient of <cotangents, postprocess(latent)> with respect to the latents. */
  postprocessVjp(latent: DDTensor, _conditioning: C, cotangents: DDTensor): Promise<DDTensor> {
    return this.autoencoder.decodeVjp(latent, cotangents);
  }
}

/** A probability as it is. @throws ArgumentError for what is not in [0, 1], under the option's name */
export function checkProbability(name: string, value: number): number {
  if (!(value >= 0 && value <= 1)) {
    throw new ArgumentError(`${name} must be between 0 and 1, got ${String(value)}.`, name, value);
  }
  return value;
}
