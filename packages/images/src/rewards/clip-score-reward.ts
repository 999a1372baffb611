import {
  ArgumentError,
  allValid,
  type DDTensor,
  type DifferentiableReward,
  type RewardGradient,
  type RewardResult,
  ShapeError,
  Shared,
  type Tensor,
} from "@diffusiongym/core";
import type { NetworkOptions } from "@diffusiongym/nn";
import {
  type ClipImageScorer,
  type ClipSourceOptions,
  type ClipTextEmbedder,
  defaultClip,
  loadClip,
} from "../clip/index.js";
import type { LoadingOptions } from "../hub/index.js";
import { checkRange } from "../pixels/index.js";

/** Options of `images/clip-score`. */
export interface ClipScoreOptions extends ClipSourceOptions {
  /** What every image should show. @default the conditioning's `prompt`, one for all or one a sample */
  readonly prompt?: string;
  /** Factor of the cosine; CLIP itself compares texts by 100 times it. @default 1 */
  readonly scale?: number;
}

/** Parts of a `ClipScoreReward`. */
export interface ClipScoreParts {
  readonly images: ClipImageScorer;
  readonly texts: ClipTextEmbedder;
  /** What every image should show. @default the conditioning's `prompt` */
  readonly prompt?: string | undefined;
  /** Factor of the cosine. @default 1 */
  readonly scale?: number;
}

/**
 * How well an image shows what its prompt says: scale * cos(e, t), the cosine between CLIP's embeddings of both (arXiv 2103.00020).
 * For ViT-L/14 it is about 0.15 for a text that has nothing to do with an image and 0.3 for a good one; it is not limited at 0.
 */
export class ClipScoreReward implements DifferentiableReward<DDTensor, object> {
  readonly #images: ClipImageScorer;
  readonly #texts: ClipTextEmbedder;
  readonly #prompt: string | undefined;
  readonly #scale: number;

  /** @throws ArgumentError */
  constructor({ images, texts, prompt, scale = 1 }: ClipScoreParts) {
    requireOptions(prompt, scale);
    this.#images = images;
    this.#texts = texts;
    this.#prompt = prompt;
    this.#scale = scale;
  }

  /**
   * @throws ArgumentError when there is no prompt; ShapeError; NonFiniteError or ArgumentError naming the sample whose value is
   *   outside [0, 1]
   */
  async evaluate(images: DDTensor, _latent: DDTensor, conditioning: object): Promise<RewardResult> {
    checkRange(images);
    const scores = await this.#images.score(images, await this.#directions(images.length, conditioning));
    return { rewards: this.#scaled(scores), valids: allValid(images.length) };
  }

  /** The rewards and their gradient with respect to the pixels. @throws as `evaluate` */
  async gradient(images: DDTensor, _latent: DDTensor, conditioning: object): Promise<RewardGradient<DDTensor>> {
    checkRange(images);
    const directions = await this.#directions(images.length, conditioning);
    const { scores, gradient } = await this.#images.gradient(images, directions);
    return {
      rewards: this.#scaled(scores),
      valids: allValid(images.length),
      gradient: gradient.scale(this.#scale),
    };
  }

  #scaled(scores: Float32Array): Float32Array {
    return scores.map((score) => score * this.#scale);
  }

  /** Embeddings of the prompts, one row for all or one a sample. */
  #directions(n: number, conditioning: object): Promise<Tensor<Float32Array>> {
    return this.#texts.embed(this.#prompt === undefined ? promptsOf(conditioning, n) : [this.#prompt]);
  }
}

function promptsOf(conditioning: object, n: number): readonly string[] {
  const entry = (conditioning as { readonly prompt?: unknown }).prompt;
  const prompt = entry instanceof Shared ? entry.value : entry;
  const prompts = Array.isArray(prompt) ? prompt : [prompt];
  if (!prompts.every((text) => typeof text === "string")) {
    throw new ArgumentError(
      'images/clip-score needs a prompt: give the option prompt, or use a model of prompts, whose conditioning has "prompt". ' +
        `It is ${JSON.stringify(prompt) ?? "missing"} here.`,
      "prompt",
      prompt,
    );
  }
  if (Array.isArray(prompt) && prompts.length !== n) {
    throw new ShapeError(`There are ${prompts.length} prompts for ${n} images.`, [n], [prompts.length]);
  }
  return prompts;
}

function requireOptions(prompt: unknown, scale: unknown): void {
  if (prompt !== undefined && typeof prompt !== "string") {
    throw new ArgumentError(`The prompt must be a text, got ${JSON.stringify(prompt)}.`, "prompt", prompt);
  }
  if (typeof scale !== "number" || !Number.isFinite(scale)) {
    throw new ArgumentError(`scale must be a finite number, got ${String(scale)}.`, "scale", scale);
  }
}

/**
 * Loads `images/clip-score`. Besides the options of a spec it takes a token, an `AbortSignal`, a progress callback and an engine.
 * @throws ArgumentError; LoadingError when a file cannot be had; FormatError or IncompatibleError when they do not fit
 */
export async function loadClipScoreReward(
  options: ClipScoreOptions & LoadingOptions & NetworkOptions = {},
): Promise<ClipScoreReward> {
  const { source = defaultClip, prompt, scale = 1, ...others } = options;
  // Before anything is downloaded.
  requireOptions(prompt, scale);
  const { images, texts } = await loadClip(source, { ...others, texts: true });
  return new ClipScoreReward({ images, texts: texts!, prompt, scale });
}
