import { type DDTensor, type Environment, make, type NoConditioning, RandomKey } from "@diffusiongym/core";
import { Network, type ValueMlpConfig, ValueNetwork, valueMlp } from "@diffusiongym/nn";
import { ExactTilt, type GaussianMixtureModel, type LinearReward } from "@diffusiongym/toy";

/** The three modes of METHODS 4.1, "S1". */
export const s1Mixture = { weights: [0.5, 0.3, 0.2], means: [-2, 0.5, 2.5], standardDeviations: [0.4, 0.3, 0.5] };

/** An environment on points and the exact answer to it. */
export interface Problem {
  readonly environment: Environment<DDTensor, NoConditioning>;
  readonly tilt: ExactTilt;
}

/** Adapts S1 to r = x. */
export async function s1(steps: number, rewardScale = 1): Promise<Problem> {
  const environment = await make("toy/gmm", "toy/linear", { baseModel: s1Mixture, steps, rewardScale });
  return { environment, tilt: tiltOf(environment, rewardScale) };
}

/** Adapts four modes in the plane to r = x_1. */
export async function fourModes(steps: number, rewardScale = 0.5): Promise<Problem> {
  const environment = await make("toy/gmm2d", "toy/linear", { steps, rewardScale });
  return { environment, tilt: tiltOf(environment, rewardScale) };
}

function tiltOf(environment: Environment<DDTensor, NoConditioning>, rewardScale: number): ExactTilt {
  const { mixture } = environment.baseModel as GaussianMixtureModel;
  return new ExactTilt({ mixture, reward: environment.reward as LinearReward, rewardScale });
}

/** A value network for points, starting at V = 0. */
export function valueNetwork(inDim: number, config: Partial<ValueMlpConfig> = {}): ValueNetwork {
  const network = Network.initialize(valueMlp({ inDim, ...config }), RandomKey.fromSeed(1).fold("value"));
  return new ValueNetwork({ network });
}
