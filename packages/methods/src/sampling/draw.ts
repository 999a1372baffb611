import {
  checkFinite,
  checkRewards,
  type DifferentiableReward,
  type DiffusionData,
  type Environment,
  IncompatibleError,
  type ModelInput,
  RandomKey,
} from "@diffusiongym/core";
import { hasDifferentiablePostprocess } from "../policies/index.js";

/** Which samples of a seed are drawn, and under which conditioning. */
export interface DrawRequest<D extends DiffusionData<D>, C extends object> {
  readonly environment: Environment<D, C>;
  /** Number of samples. */
  readonly n: number;
  /** Seed of all noise; as in `Environment.sample`, the noise of a sample is a function of the seed and its index. */
  readonly seed: number;
  /** Index of the first sample. @default 0 */
  readonly indexOffset?: number;
  /** One entry a sample, or constants. @default {} */
  readonly conditioning?: Partial<C> | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Starting states with their conditioning: the same as those of `Environment.sample` with this seed. */
export async function drawStart<D extends DiffusionData<D>, C extends object>(
  request: DrawRequest<D, C>,
): Promise<ModelInput<D, C>> {
  const { environment, n, seed, indexOffset = 0, conditioning = {} } = request;
  const { baseModel } = environment;
  const streams = RandomKey.fromSeed(seed).fold("p0").streams(indexOffset);
  const drawn = await baseModel.sampleP0(n, streams, conditioning);
  const prepared = await baseModel.preprocess(drawn.x, drawn.conditioning);
  checkFinite(prepared.x, "The starting state");
  return prepared;
}

/** Finished samples with their rewards. */
export interface Endpoints<D extends DiffusionData<D>, C extends object> {
  /** States in which the process ended. */
  readonly latent: D;
  /** What `postprocess` made of them. */
  readonly sample: D;
  /** Rewards, shape [n]; of no meaning, but finite, where a sample is invalid. */
  readonly rewards: Float32Array;
  /** 1 where the reward could judge the sample, shape [n]. */
  readonly valids: Uint8Array;
  readonly conditioning: C;
}

/** Postprocesses latents and asks the reward. */
export async function judge<D extends DiffusionData<D>, C extends object>(
  environment: Environment<D, C>,
  latent: D,
  conditioning: C,
): Promise<Endpoints<D, C>> {
  const sample = await environment.baseModel.postprocess(latent, conditioning);
  checkFinite(sample, "What the model's postprocess returned");
  const judged = checkRewards(await environment.reward.evaluate(sample, latent, conditioning), latent.length);
  return { latent, sample, ...judged, conditioning };
}

/**
 * Gradient of the reward with respect to the latents; zero for invalid samples. The reward must be differentiable and, where
 * `postprocess` changes the latents, the model must say how gradients go back through it.
 * @throws IncompatibleError when it does not, NonFiniteError when the gradient is not finite
 */
export async function rewardGradient<D extends DiffusionData<D>, C extends object>(
  environment: Environment<D, C>,
  { latent, sample, conditioning, valids }: Endpoints<D, C>,
): Promise<D> {
  const { baseModel } = environment;
  const reward = environment.reward as DifferentiableReward<D, C>;
  const { gradient } = await reward.gradient(sample, latent, conditioning);
  const kept = gradient.scale(Float32Array.from(valids));
  checkFinite(kept, "The reward's gradient");
  if (sample === latent) {
    return kept;
  }
  if (!hasDifferentiablePostprocess(baseModel)) {
    throw new IncompatibleError(
      "The model's postprocess changes the latents and has no postprocessVjp, so the reward's gradient cannot reach them.",
    );
  }
  const pulled = await baseModel.postprocessVjp(latent, conditioning, kept);
  checkFinite(pulled, "The reward's gradient with respect to the latents");
  return pulled;
}
