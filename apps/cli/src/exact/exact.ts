import {
  type AnyData,
  type DDTensor,
  type Environment,
  isErrorNamed,
  type NoConditioning,
  RandomKey,
  type Sample,
} from "@diffusiongym/core";

/** An environment whose data type is known only at run time. */
export type AnyEnvironment = Environment<AnyData, object>;

/** How far a model has been tilted, measured on its probability-flow ODE. */
export interface AchievedTilt {
  /** The reward scale that was achieved. */
  readonly rewardScale: number;
  /** Share of the log-density ratio's variance that the reward explains. */
  readonly rSquared: number;
}

/** Everything that is known exactly about an adaptation. Points are `[n, dimension]`, row by row. */
export interface ExactAnswer {
  readonly dimension: number;
  /** lambda, the reward scale of the target. */
  readonly rewardScale: number;
  /** E[r] of the base model. */
  readonly baseReward: number;
  /** E[r] of the target. */
  readonly reward: number;
  /** KL of the target to the base model, in nats; the smallest path KL with which it can be reached. */
  readonly klPath: number;
  /** log E[exp(lambda r)] under the base model. */
  readonly logNormalizer: number;
  /** Name of each mode, by its centre. */
  readonly modes: readonly string[];
  /** Mass of each mode's cell under the target. */
  readonly modeWeights: ArrayLike<number>;
  /** Share of points in each mode's cell. */
  countModes(points: Float32Array): ArrayLike<number>;
  /** Total-variation distance of mode weights to the target's. */
  modeDistance(weights: ArrayLike<number>): number;
  /** Target samples, or undefined where they cannot be drawn. */
  sample(n: number, seed: number): Float32Array | undefined;
  /** Sliced Wasserstein distance (order 2) between two sets of points. */
  distance(a: Float32Array, b: Float32Array): number;
  /** Densities of the base model and the target at points. */
  densities(points: Float32Array): { readonly base: ArrayLike<number>; readonly target: ArrayLike<number> };
  /**
   * Effective sample fraction of a rollout's path weights; 1 for the optimal control.
   * @param sample with trajectory, drifts and noises recorded
   */
  pathEffectiveFraction(environment: AnyEnvironment, sample: Sample<AnyData, object>): Promise<number>;
  /** The tilt achieved by the adapted velocity of an environment whose control needs no step length. */
  achievedTilt(environment: AnyEnvironment, seed: number): Promise<AchievedTilt>;
}

/**
 * The exact answer for an environment, where one is known: Gaussian mixtures with the rewards of `@diffusiongym/toy`. This is
 * the only place that knows of that package's insides.
 */
export async function exactAnswer(environment: AnyEnvironment, modality: string): Promise<ExactAnswer | undefined> {
  if (modality !== "toy") {
    return undefined;
  }
  const toy = await import("@diffusiongym/toy");
  const { baseModel, reward, rewardScale } = environment;
  if (!(baseModel instanceof toy.GaussianMixtureModel) || !(reward instanceof toy.ToyReward)) {
    return undefined;
  }
  const { mixture } = baseModel;
  const { dimension } = mixture;
  const tilt = new toy.ExactTilt({ mixture, reward, rewardScale });
  const exactWeights = toy.referenceModeWeights(tilt);
  const streams = (seed: number, name: string) => RandomKey.fromSeed(seed).fold(name).streams();
  const asToy = (other: AnyEnvironment) => other as unknown as Environment<DDTensor, NoConditioning>;
  return {
    dimension,
    rewardScale,
    baseReward: tilt.baseExpectedReward,
    reward: tilt.expectedReward,
    klPath: tilt.klTiltedBase,
    logNormalizer: tilt.logNormalizer,
    modes: modeNames(tilt.centres.length === mixture.means.length ? mixture.means : tilt.centres, dimension),
    modeWeights: exactWeights,
    countModes: (points) => toy.modeWeights(points, tilt.centres, dimension),
    modeDistance: (weights) => toy.totalVariation(Float64Array.from(weights), exactWeights),
    sample(n, seed) {
      try {
        return Float32Array.from(tilt.sample(n, streams(seed, "exact")));
      } catch (error) {
        if (isErrorNamed(error, "ArgumentError")) {
          return undefined; // an unbounded reward without a closed form
        }
        throw error;
      }
    },
    distance: (a, b) => toy.slicedWasserstein(a, b, { dimension }),
    densities: (points) => ({
      base: mixture.logDensity(points).map(Math.exp),
      target: tilt.logDensity(points).map(Math.exp),
    }),
    async pathEffectiveFraction(other, sample) {
      const weights = await toy.pathWeights(asToy(other), sample as unknown as Sample<DDTensor, NoConditioning>);
      return weights.effectiveSampleFraction;
    },
    achievedTilt: (other, seed) =>
      toy.achievedRewardScale(toy.environmentField(asToy(other), dimension), tilt, {
        streams: streams(seed, "flow"),
        count: 1000,
        steps: 40,
      }),
  };
}

function modeNames(centres: ArrayLike<number>, dimension: number): string[] {
  const shown = (value: number): string => String(Number(value.toFixed(2)));
  return Array.from({ length: centres.length / dimension }, (_, k) => {
    const centre = Array.from({ length: dimension }, (_, a) => shown(centres[k * dimension + a]!));
    return dimension === 1 ? centre[0]! : `(${centre.join(", ")})`;
  });
}
