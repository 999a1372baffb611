import { DDTensor, type NoConditioning, type OutputType, type Scheduler, Tensor } from "@diffusiongym/core";
import { type ModelCloneOptions, type Network, NetworkModel } from "@diffusiongym/nn";

/** Parts of a `PixelModel`. */
export interface PixelModelOptions {
  /** Takes the state [n, c, h, w] and the step [n]. */
  readonly network: Network;
  /** The input that takes the state. @default "x" */
  readonly stateInput?: string;
  /** The input that takes the step. @default "t" */
  readonly timeInput?: string;
  /** What the network returns. */
  readonly outputType: OutputType;
  /** The path that it was trained on. */
  readonly scheduler: Scheduler;
  /** Channels, height and width. */
  readonly sampleShape: readonly [number, number, number];
  /** What its files ask for and is not done, in words. @default none */
  readonly notes?: readonly string[];
}

/**
 * A diffusion model of pixels in [-1, 1], starting from standard normal noise. Its samples are images in [0, 1]:
 * (x + 1) / 2, limited to [0, 1].
 */
export class PixelModel extends NetworkModel<DDTensor, NoConditioning> {
  /** What the model's files ask of the sampler that they were made for, and that is not done here, in words. */
  readonly notes: readonly string[];
  readonly #options: PixelModelOptions;

  constructor(options: PixelModelOptions) {
    super({
      network: options.network,
      outputType: options.outputType,
      scheduler: options.scheduler,
      start: options.sampleShape,
      inputs: [options.stateInput ?? "x"],
      time: options.timeInput ?? "t",
    });
    this.notes = options.notes ?? [];
    this.#options = options;
  }

  /** Channels, height and width of a sample. */
  get sampleShape(): readonly [number, number, number] {
    return this.#options.sampleShape;
  }

  /** Images in [0, 1]. */
  override postprocess(latent: DDTensor): DDTensor {
    const data = Float32Array.from(latent.data, (value) => Math.min(Math.max(value / 2 + 0.5, 0), 1));
    return new DDTensor(new Tensor(data, latent.shape));
  }

  /** The gradient of <cotangents, postprocess(latent)> with respect to the latents: half of it, and 0 where the limits hold. */
  postprocessVjp(latent: DDTensor, _conditioning: NoConditioning, cotangents: DDTensor): DDTensor {
    const data = Float32Array.from(cotangents.data, (value, i) => (Math.abs(latent.data[i]!) < 1 ? value / 2 : 0));
    return new DDTensor(new Tensor(data, latent.shape));
  }

  /** The model with parameters of its own, equal now and free to be trained: all of them, or low-rank adapters. */
  override clone(options: ModelCloneOptions = {}): PixelModel {
    return super.clone(options) as PixelModel;
  }

  override withNetwork(network: Network): PixelModel {
    return new PixelModel({ ...this.#options, network });
  }
}
