import {
  type AnyData,
  RandomKey,
  type Sample,
  type ShownSamples,
  sliceConditioning,
  type ValueFunction,
  ValuePolicy,
} from "@diffusiongym/core";
import type { AdaptedBy } from "@diffusiongym/methods";
import type { AnyEnvironment, ExactAnswer } from "../exact/index.js";
import { type Estimate, meanOf } from "./estimate.js";
import { asPoints, type Points, rollOut } from "./roll-out.js";

/** What is measured of a model's samples. */
export interface ModelEvaluation {
  /** Mean reward of the valid samples. */
  readonly reward: Estimate | undefined;
  /** Mean cost of control: the path KL to the base model, in nats. */
  readonly klPath: Estimate | undefined;
  /** Valid samples over all. */
  readonly validFraction: number;
  /** The samples, when they are points. */
  readonly points: Points | undefined;
  /** The first samples, and a few paths, for those who can show them. */
  readonly shown: Pick<ShownSamples, "samples" | "paths">;
  /** States at every time of a few samples, when they are points. */
  readonly paths: Paths | undefined;
  /** Share of samples in the cell of each mode, where there is an exact answer. */
  readonly modeWeights?: ArrayLike<number>;
  /** Total-variation distance of these shares to the target's. */
  readonly modeDistance?: number;
  /** Sliced Wasserstein distance to target samples. */
  readonly distance?: number;
  /** Effective sample fraction of the path weights. */
  readonly pathEffectiveFraction?: number;
}

/** A few trajectories. */
export interface Paths {
  readonly timesteps: Float32Array;
  /** One batch of points a time. */
  readonly states: readonly Points[];
}

/** The base model, the adapted one, and what is known exactly, measured alike. */
export interface Evaluation {
  /** Samples of each model. */
  readonly count: number;
  readonly base: ModelEvaluation;
  readonly adapted: ModelEvaluation;
  /** Estimate of log E[exp(lambda r)], -V at the start, where a value is learned; its error is the standard deviation over starting points, 0 at the optimum. */
  readonly logNormalizer: Estimate | undefined;
  /** Target samples, and their distance to as many others, with its standard deviation: the floor of the distances. */
  readonly target: { readonly points: Points; readonly distance: Estimate } | undefined;
  /** Achieved reward scale and R^2 on the probability-flow ODE. */
  readonly achieved: { readonly rewardScale: number; readonly rSquared: number } | undefined;
}

/** What to evaluate. */
export interface EvaluationOptions {
  readonly environment: AnyEnvironment;
  /** Who samples after the adaptation. */
  readonly adapted: AdaptedBy<AnyData, object>;
  /** The value function that was learned, if one was. */
  readonly value: ValueFunction<AnyData, object> | undefined;
  /** Samples of each model. */
  readonly count: number;
  /** Seed of the run; the evaluation uses noise of its own. */
  readonly seed: number;
  readonly exact: ExactAnswer | undefined;
  /** Whether paths are kept of data that is no points, because somebody can show them. */
  readonly keepPaths: boolean;
  readonly signal: AbortSignal;
  /** Called with the part that is under way, and how much of everything is done. */
  readonly onProgress: (part: string, done: number, total: number) => void;
}

/** Samples whose paths are kept of points. */
const pathCount = 2048;
/** Samples whose paths are kept of other data, where the modality shows them. */
export const shownPathCount = 16;
/** Samples that are kept to be shown. */
const shownCount = 256;
/** Starting points at which the value is averaged. */
const startCount = 512;
/** Points that distances are computed from. */
const distanceCount = 5000;
/** Draws that tell what distances chance alone gives. */
const floorDraws = 4;

/** Samples the base model and the adapted one, and measures both. */
export async function evaluate(options: EvaluationOptions): Promise<Evaluation> {
  const { environment, adapted: by, value, count, exact, signal, onProgress } = options;
  const seed = evaluationSeed(options.seed);
  const targetPoints = exact?.sample(Math.min(count, distanceCount), seed);
  const record = exact === undefined ? (["trajectory"] as const) : (["trajectory", "drifts", "noises"] as const);
  const measure = async (model: AnyEnvironment, part: string, done: number): Promise<ModelEvaluation> => {
    const sample = await rollOut(model, {
      n: count,
      seed,
      signal,
      onProgress: (samples) => onProgress(part, done + samples, 2 * count),
    });
    // Recorded states of many samples of large data would not fit the memory.
    const paths = asPoints(sample.sample) ? pathCount : options.keepPaths ? shownPathCount : 0;
    const few = paths === 0 ? undefined : await rollOut(model, { n: Math.min(paths, count), seed, record, signal });
    return measureModel({ model, sample, few, exact, targetPoints });
  };
  const drawn = async (): Promise<ModelEvaluation> => {
    onProgress("sampling by the method", count, 2 * count);
    const { sampler } = by as Extract<typeof by, { kind: "sampler" }>;
    const sample = await sampler.draw({ environment, n: count, seed, signal });
    return measureModel({ model: environment, sample, few: undefined, exact, targetPoints });
  };
  const base = await measure(environment, "sampling the base model", 0);
  const steered = adaptedModel(environment, by);
  const adapted = await (steered === undefined ? drawn() : measure(steered, "sampling the adapted model", count));
  const target =
    targetPoints === undefined || exact === undefined
      ? undefined
      : {
          points: { dimension: exact.dimension, data: targetPoints },
          distance: chanceDistance(exact, targetPoints, seed),
        };
  const flow = value === undefined ? steered : withoutLookAhead(environment, value);
  const achieved = flow && (await exact?.achievedTilt(flow, seed));
  const logNormalizer = value && (await startingValue(environment, value, seed));
  return { count, base, adapted, logNormalizer, target, achieved };
}

/** The environment under the adapted model; undefined for a sampler of its own. */
function adaptedModel(environment: AnyEnvironment, by: AdaptedBy<AnyData, object>): AnyEnvironment | undefined {
  switch (by.kind) {
    case "policy":
      return environment.withPolicies({ policy: by.policy });
    case "control":
      return environment.withPolicies({ controlPolicy: by.controlPolicy });
    case "sampler":
      return undefined;
  }
}

/** The model that follows a value function and needs no step length: what the ODE is run with. */
function withoutLookAhead(environment: AnyEnvironment, value: ValueFunction<AnyData, object>): AnyEnvironment {
  const { scheduler } = environment;
  return environment.withPolicies({ controlPolicy: new ValuePolicy({ value, scheduler, lookAhead: false }) });
}

/** Distance of target samples to others: its mean over a few draws, with the standard deviation as its error. */
function chanceDistance(exact: ExactAnswer, points: Float32Array, seed: number): Estimate {
  const distances = Array.from({ length: floorDraws }, (_, k) =>
    exact.distance(points, exact.sample(points.length / exact.dimension, seed + 1 + k)!),
  );
  const { value, error = 0 } = meanOf(distances)!;
  return { value, error: error * Math.sqrt(floorDraws) };
}

interface Measurement {
  readonly model: AnyEnvironment;
  readonly sample: Pick<Sample<AnyData, object>, "sample" | "rewards" | "valids" | "conditioning"> & {
    readonly pathCosts?: Sample<AnyData, object>["pathCosts"];
  };
  readonly few: Sample<AnyData, object> | undefined;
  readonly exact: ExactAnswer | undefined;
  readonly targetPoints: Float32Array | undefined;
}

async function measureModel({ model, sample, few, exact, targetPoints }: Measurement): Promise<ModelEvaluation> {
  const points = asPoints(sample.sample);
  const common = {
    reward: meanOf(sample.rewards, sample.valids),
    klPath: sample.pathCosts && meanOf(sample.pathCosts, sample.valids),
    validFraction: sample.valids.reduce((sum, valid) => sum + valid, 0) / Math.max(1, sample.valids.length),
    points,
    paths: few && pathsOf(few),
    shown: { samples: firstOf(sample), paths: few },
  };
  if (exact === undefined || points === undefined) {
    return common;
  }
  const modeWeights = exact.countModes(points.data);
  const compared = points.data.subarray(0, distanceCount * points.dimension);
  return {
    ...common,
    modeWeights,
    modeDistance: exact.modeDistance(modeWeights),
    ...(targetPoints && { distance: exact.distance(compared, targetPoints) }),
    ...(few && { pathEffectiveFraction: await exact.pathEffectiveFraction(model, few) }),
  };
}

/** The first samples, to be shown. */
function firstOf({ sample, rewards, valids, conditioning }: Measurement["sample"]): ShownSamples["samples"] {
  const count = Math.min(shownCount, rewards.length);
  return {
    sample: sample.slice(0, count),
    rewards: rewards.slice(0, count),
    valids: valids.slice(0, count),
    conditioning: sliceConditioning(conditioning, 0, count),
  };
}

function pathsOf(few: Sample<AnyData, object>): Paths | undefined {
  const states = few.trajectory.map(asPoints);
  return states.every((points) => points !== undefined) ? { timesteps: few.timesteps, states } : undefined;
}

/** -V at starting points: log E[exp(lambda r)] for the exact value, whatever the point. */
async function startingValue(
  { baseModel, timesteps }: AnyEnvironment,
  value: ValueFunction<AnyData, object>,
  seed: number,
): Promise<Estimate> {
  const drawn = await baseModel.sampleP0(startCount, RandomKey.fromSeed(seed).fold("p0").streams(), {});
  const { x, conditioning } = await baseModel.preprocess(drawn.x, drawn.conditioning);
  const values = Array.from(await value.value(x, new Float32Array(startCount).fill(timesteps[0]!), conditioning));
  const mean = values.reduce((sum, entry) => sum + entry, 0) / startCount;
  const variance = values.reduce((sum, entry) => sum + (entry - mean) ** 2, 0) / startCount;
  return { value: -mean, error: Math.sqrt(variance) };
}

/** A seed whose noise no training rollout of the same run has seen. */
export function evaluationSeed(seed: number): number {
  const shift = 2 ** 32;
  return seed + shift < Number.MAX_SAFE_INTEGER ? seed + shift : seed - shift;
}
