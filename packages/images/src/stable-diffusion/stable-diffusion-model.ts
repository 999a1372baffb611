import type { DDTensor, ModelInput, SampleStreams, Tensor, TrainLossOptions } from "@diffusiongym/core";
import type { ModelCloneOptions, Network } from "@diffusiongym/nn";
import {
  drawScales,
  type GuidanceBranches,
  type GuidanceScale,
  type GuidanceScales,
  type GuidedModelOptions,
  readScales,
} from "../guidance/index.js";
import { checkProbability, LatentModel, type LatentModelOptions } from "../latent-model/index.js";
import type { PromptEncoder } from "./prompt-encoder.js";
import { checkPrompts, defaultPrompts, drawPrompts, readPrompts } from "./prompts.js";

/** What a sample of a Stable Diffusion is conditioned on. All that is left out of what is given to `sample` is filled in. */
export type StableDiffusionConditioning = {
  /** One text for all samples, or one a sample. @default drawn from the model's prompts */
  readonly prompt: string | readonly string[];
  /** What guidance leads away from: one text for all samples, or one a sample. @default "" */
  readonly negativePrompt: string | readonly string[];
  /** The scale s of the guided output (s + 1) cond - s uncond: one for all samples, or one a sample. @default the model's own */
  readonly guidanceScale: GuidanceScales;
  /** Embeddings of the prompts, [n, L, D]; filled in. */
  readonly embeddings: Tensor;
  /** Embeddings of the negative prompts, [n, L, D]; filled in. */
  readonly unconditional: Tensor;
};

/** How a Stable Diffusion is guided and prompted, by default. */
export interface StableDiffusionDefaults extends Pick<GuidedModelOptions, "branches" | "checkpoint"> {
  /**
   * Guidance scale of samples that are not given one, or two numbers between which each sample's is drawn; diffusers'
   * `guidance_scale` less 1. @default 6.5
   */
  readonly guidanceScale?: GuidanceScale;
  /** Prompts from which those of samples that are not given one are drawn. @default 16 that were written for this project */
  readonly prompts?: readonly string[];
  /** Probability with which `trainLoss` trains a sample without its prompt, in [0, 1]. @default 0.1 */
  readonly promptDropout?: number;
}

/** Parts of a `StableDiffusionModel`. */
export interface StableDiffusionModelOptions extends LatentModelOptions, StableDiffusionDefaults {
  readonly promptEncoder: PromptEncoder;
}

/**
 * Stable Diffusion (arXiv 2112.10752): a diffusion of latents under prompts, with classifier-free guidance, decoded to images in
 * [0, 1]. Its parameters are those of the U-Net; text encoder and autoencoder stay as they are and are shared by clones.
 */
export class StableDiffusionModel extends LatentModel<StableDiffusionConditioning> {
  readonly promptEncoder: PromptEncoder;
  /** What prompts are drawn from. */
  readonly prompts: readonly string[];
  /** Probability with which `trainLoss` trains a sample without its prompt. */
  readonly promptDropout: number;
  readonly #options: StableDiffusionModelOptions;

  /** @throws ArgumentError for a scale, prompts or a probability that are none */
  constructor(options: StableDiffusionModelOptions) {
    super(options, options.guidanceScale ?? 6.5);
    this.promptEncoder = options.promptEncoder;
    this.prompts = checkPrompts(options.prompts ?? defaultPrompts);
    this.promptDropout = checkProbability("promptDropout", options.promptDropout ?? 0.1);
    this.#options = options;
  }

  /** Noise, and the prompts, negative prompts and guidance scales of n samples: given, or drawn from their streams. */
  override async sampleP0(
    n: number,
    streams: SampleStreams,
    conditioning: Partial<StableDiffusionConditioning>,
  ): Promise<ModelInput<DDTensor, StableDiffusionConditioning>> {
    const { prompt, negativePrompt = "", guidanceScale: given } = conditioning;
    const { x } = await super.sampleP0(n, streams, {});
    const completed = {
      prompt: prompt === undefined ? drawPrompts(n, this.prompts, streams) : readPrompts(n, prompt, "prompt"),
      negativePrompt: readPrompts(n, negativePrompt, "negativePrompt"),
      guidanceScale: drawScales(n, { given, own: this.guidanceScale, streams }),
    };
    // Embeddings that came along may be of other prompts; `preprocess` adds those of these.
    return { x, conditioning: completed as unknown as StableDiffusionConditioning };
  }

  /** Adds the embeddings of the prompts, each computed once. */
  override async preprocess(
    x: DDTensor,
    conditioning: StableDiffusionConditioning,
  ): Promise<ModelInput<DDTensor, StableDiffusionConditioning>> {
    const { prompt, negativePrompt } = conditioning;
    const [embeddings, unconditional] = await Promise.all(
      [readPrompts(x.length, prompt, "prompt"), readPrompts(x.length, negativePrompt, "negativePrompt")].map((texts) =>
        this.promptEncoder.encode(texts),
      ),
    );
    return { x, conditioning: { ...conditioning, embeddings: embeddings!, unconditional: unconditional! } };
  }

  /**
   * The loss of pre-training of the network itself, without guidance, where each sample loses its prompt with probability
   * `promptDropout`, as guidance needs it.
   * @param options `streams` decide which prompts are lost; without them all are kept
   */
  override trainLoss(
    x1: DDTensor,
    options: TrainLossOptions<DDTensor, StableDiffusionConditioning> = {},
  ): Promise<Float32Array> {
    const { conditioning, streams } = options;
    const prompts = readPrompts(x1.length, conditioning?.prompt ?? "", "prompt");
    const drawn = streams?.fold("dropout");
    const kept = prompts.map((prompt, i) =>
      drawn !== undefined && drawn.at(i).uniform() < this.promptDropout ? "" : prompt,
    );
    const plain = { prompt: kept, guidanceScale: 0 } as unknown as StableDiffusionConditioning;
    return super.trainLoss(x1, { ...options, conditioning: plain });
  }

  /** The model with parameters of its own, equal now and free to be trained: all of them, or low-rank adapters. */
  override clone(options: ModelCloneOptions = {}): StableDiffusionModel {
    return super.clone(options) as StableDiffusionModel;
  }

  override withNetwork(network: Network): StableDiffusionModel {
    return new StableDiffusionModel({ ...this.#options, denoiser: { ...this.#options.denoiser, network } });
  }

  /** What is not in the conditioning is left out: no prompt is the empty one, no scale is no guidance. */
  protected override async branches(
    x: DDTensor,
    conditioning: Partial<StableDiffusionConditioning>,
  ): Promise<GuidanceBranches> {
    const { prompt = "", negativePrompt = "" } = conditioning;
    const scales = readScales(x.length, conditioning.guidanceScale);
    const embeddings =
      conditioning.embeddings ?? (await this.promptEncoder.encode(readPrompts(x.length, prompt, "prompt")));
    const unconditional = scales.every((scale) => scale === 0)
      ? embeddings
      : (conditioning.unconditional ??
        (await this.promptEncoder.encode(readPrompts(x.length, negativePrompt, "negativePrompt"))));
    const name = this.#options.denoiser.others[0]!.name;
    return { conditional: { [name]: embeddings }, unconditional: { [name]: unconditional }, scales };
  }
}
