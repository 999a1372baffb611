import {
  allValid,
  type DDTensor,
  type DifferentiableReward,
  type RewardGradient,
  type RewardResult,
} from "@diffusiongym/core";
import type { NetworkOptions } from "@diffusiongym/nn";
import { type ClipImageScorer, type ClipSourceOptions, defaultClip, loadClip } from "../clip/index.js";
import type { LoadingOptions } from "../hub/index.js";
import { checkRange } from "../pixels/index.js";
import { type AestheticHead, loadAestheticHead, requireWidth } from "./aesthetic-head.js";

/** Options of `images/aesthetic`. */
export interface AestheticRewardOptions extends Omit<ClipSourceOptions, "textEncoder"> {
  /**
   * The linear head: path, address or hub id of a `.safetensors` file, or of a folder that holds `aesthetic_head.safetensors`.
   * @default `aesthetic_head.safetensors` beside CLIP's files, or in `~/.cache/diffusiongym`
   */
  readonly headSource?: string;
}

/**
 * How much people are said to like an image, about 1 to 10: LAION's linear predictor w . e / |e| + b on CLIP's embedding e of it
 * (ViT-L/14). It sees 224 x 224 pixels, and judges nothing that is smaller or larger than them.
 */
export class AestheticReward implements DifferentiableReward<DDTensor, object> {
  readonly #clip: ClipImageScorer;
  readonly #head: AestheticHead;

  constructor(clip: ClipImageScorer, head: AestheticHead) {
    this.#clip = clip;
    this.#head = head;
  }

  /** @throws ShapeError; NonFiniteError or ArgumentError naming the sample whose value is outside [0, 1] */
  async evaluate(images: DDTensor): Promise<RewardResult> {
    checkRange(images);
    const scores = await this.#clip.score(images, this.#head.weight);
    return { rewards: this.#shifted(scores), valids: allValid(images.length) };
  }

  /** The rewards and their gradient with respect to the pixels. @throws as `evaluate` */
  async gradient(images: DDTensor): Promise<RewardGradient<DDTensor>> {
    checkRange(images);
    const { scores, gradient } = await this.#clip.gradient(images, this.#head.weight);
    return { rewards: this.#shifted(scores), valids: allValid(images.length), gradient };
  }

  #shifted(scores: Float32Array): Float32Array {
    return scores.map((score) => score + this.#head.bias);
  }
}

/**
 * Loads `images/aesthetic`. Besides the options of a spec it takes a token, an `AbortSignal`, a progress callback and an engine.
 * @throws LoadingError when a file cannot be had, the head included; FormatError, IncompatibleError or ArgumentError when they
 *   do not fit
 */
export async function loadAestheticReward(
  options: AestheticRewardOptions & LoadingOptions & NetworkOptions = {},
): Promise<AestheticReward> {
  const { source = defaultClip, headSource, ...others } = options;
  const { images, repository } = await loadClip(source, others);
  const head = await loadAestheticHead(headSource, repository, others);
  requireWidth(head, images.width, repository.name);
  return new AestheticReward(images, head);
}
