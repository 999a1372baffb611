import {
  checkRewards,
  type DDTensor,
  type DiffusionData,
  type Environment,
  type NoConditioning,
  RandomKey,
  type Reward,
  sliceConditioning,
} from "@diffusiongym/core";
import type { Metrics } from "../method/index.js";
import {
  type DrawRequest,
  type Endpoints,
  integrateFlow,
  joinEndpoints,
  judge,
  type OdeSolverName,
} from "../sampling/index.js";
import { effectiveSampleSize } from "../statistics/index.js";
import { requireCount } from "../training/index.js";
import { meanPairwiseDistance } from "./diversity.js";
import { type Estimate, estimate } from "./estimate.js";
import { type AdaptedSampler, adaptedField, type EvaluatedSampler } from "./sampler.js";
import { drawSde, type SdeSamples } from "./sde.js";

/** Named numbers about a law. */
export type Findings = { readonly [name: string]: number };

/** What is known exactly about the answer, where it is: the toy models' tilts. */
export interface ExactAnswer<D extends DiffusionData<D>, C extends object> {
  /** Judges samples: total variation by exact cell masses, the exact mean reward beside theirs. */
  law?(latent: D): Findings | Promise<Findings>;
  /** Judges the flow of an adapted model: achieved lambda, R^2, KL to the tilt. */
  flow?(adapted: Environment<D, C>): Findings | Promise<Findings>;
}

/** Options of `evaluate`. */
export interface EvaluateOptions<D extends DiffusionData<D> = DDTensor, C extends object = NoConditioning> {
  /** What is compared, by name; `{ base: {} }` is the base model. */
  readonly samplers: { readonly [name: string]: EvaluatedSampler<D, C> };
  /** Samples of each. METHODS 4.4 asks for 50 000 where a total variation below .01 is to be seen. @default 2000 */
  readonly n?: number;
  /** Seed of all draws, by {@link evaluationSeed}: never the noise that a training of the same seed has seen. @default 0 */
  readonly seed?: number;
  /** One entry a sample, or constants. @default {} */
  readonly conditioning?: Partial<C>;
  /** Rewards that nothing was trained on, by name: hacking shows where they fall while the trained one rises. @default none */
  readonly heldOut?: { readonly [name: string]: Reward<D, C> };
  /** How the flow is integrated, or false to leave it out. @default Heun in 50 steps from t = 0.001 */
  readonly ode?: false | { readonly solver?: OdeSolverName; readonly steps?: number; readonly startTime?: number };
  /** How different the samples are. @default the mean Euclidean distance of pairs */
  readonly diversity?: (samples: D) => number | Promise<number>;
  /** The exact answer, where it is known. @default unknown */
  readonly exact?: ExactAnswer<D, C>;
  /** Samples computed at once; does not change any number. @default 8192 */
  readonly batchSize?: number;
  /** Stops the evaluation with an `AbortError`. */
  readonly signal?: AbortSignal;
}

/** What one way of sampling gives. */
export interface LawReport {
  /** Over the valid samples. */
  readonly reward: Estimate;
  /** Valid samples over all. */
  readonly validFraction: number;
  /** Each held-out reward, over the samples that it finds valid. */
  readonly heldOut: { readonly [name: string]: Estimate };
  /** Mean distance of pairs; undefined where it has no meaning. */
  readonly diversity: number | undefined;
  /** Effective share of the samples under the weights exp(lambda r): of the base model, how hard the tilt is. In (0, 1]. */
  readonly rewardEss: number;
  /** What the exact answer says; empty where there is none. */
  readonly exact: Findings;
}

/** What the SDE on the environment's grid gives. */
export interface SdeReport extends LawReport {
  /** E sum dt/2 |u|^2, the KL divergence of the paths from the base model's. */
  readonly klPath: Estimate;
  /**
   * Effective share of the paths under the weights exp(lambda r - L), L = log dP / dP_base: 1 exactly when the sampled law is
   * the tilt of the base chain. Needs no densities: the best single number (METHODS 6.6). Undefined without noise.
   */
  readonly pathEss: number | undefined;
}

/** What a sampler of another kind gives. */
export interface CustomReport extends LawReport {
  /** What the sampler says of the draw, by name: log Z and effective sample sizes of particles, calls; empty if it says nothing. */
  readonly diagnostics: Metrics;
}

/** Report on one sampler: its SDE and its ODE side by side, or the one law of a sampler of another kind. */
export interface SamplerReport {
  readonly sde?: SdeReport;
  readonly ode?: LawReport;
  readonly custom?: CustomReport;
}

/** What `evaluate` finds. */
export interface Evaluation {
  readonly n: number;
  /** As it was given. */
  readonly seed: number;
  readonly rewardScale: number;
  readonly samplers: { readonly [name: string]: SamplerReport };
}

/**
 * Judges adapted models on one environment: rewards with their standard errors, validity, path KL, effective sample sizes,
 * diversity and held-out rewards, for the SDE on the grid of training and for the ODE, which are different laws after
 * training. All samplers see the same noise.
 */
export async function evaluate<D extends DiffusionData<D>, C extends object>(
  environment: Environment<D, C>,
  options: EvaluateOptions<D, C>,
): Promise<Evaluation> {
  const { n = 2000, seed = 0, batchSize = 8192 } = options;
  requireCount("n", n);
  requireCount("batchSize", batchSize);
  const samplers: { [name: string]: SamplerReport } = {};
  for (const [name, sampler] of Object.entries(options.samplers)) {
    samplers[name] = await reportOn(environment, sampler, { ...options, n, seed: evaluationSeed(seed), batchSize });
  }
  return { n, seed, rewardScale: environment.rewardScale, samplers };
}

/** The seed that `evaluate` draws with: `environment.sample(n, { seed: evaluationSeed(seed) })` are the samples it judged. */
export function evaluationSeed(seed: number): number {
  return RandomKey.fromSeed(seed).fold("evaluation").stream().integer(0, Number.MAX_SAFE_INTEGER);
}

type Resolved<D extends DiffusionData<D>, C extends object> = EvaluateOptions<D, C> & {
  readonly n: number;
  readonly seed: number;
  readonly batchSize: number;
};

async function reportOn<D extends DiffusionData<D>, C extends object>(
  environment: Environment<D, C>,
  sampler: EvaluatedSampler<D, C>,
  options: Resolved<D, C>,
): Promise<SamplerReport> {
  if ("draw" in sampler) {
    const { n, seed, conditioning, signal } = options;
    const { diagnostics = {}, ...endpoints } = await sampler.draw({ environment, n, seed, conditioning, signal });
    return { custom: { ...(await lawReport(environment, endpoints, options)), diagnostics } };
  }
  const parts = await inBatches(environment, options, (request) => drawSde(request, sampler));
  const sde = await sdeReport(environment, parts, options);
  if (options.ode === false) {
    return { sde };
  }
  const flows = await inBatches(environment, options, (request) => drawFlow(request, sampler, options));
  const law = await lawReport(environment, joinEndpoints(flows), options);
  const flow = await options.exact?.flow?.(environment.withPolicies(sampler));
  return { sde, ode: { ...law, exact: { ...law.exact, ...flow } } };
}

async function inBatches<D extends DiffusionData<D>, C extends object, T>(
  environment: Environment<D, C>,
  { n, seed, batchSize, conditioning, signal }: Resolved<D, C>,
  draw: (request: DrawRequest<D, C>) => Promise<T>,
): Promise<T[]> {
  const parts: T[] = [];
  for (let from = 0; from < n; from += batchSize) {
    const to = Math.min(n, from + batchSize);
    const part = conditioning && sliceConditioning(conditioning, from, to);
    parts.push(await draw({ environment, n: to - from, seed, indexOffset: from, conditioning: part, signal }));
  }
  return parts;
}

async function drawFlow<D extends DiffusionData<D>, C extends object>(
  request: DrawRequest<D, C>,
  sampler: AdaptedSampler<D, C>,
  { ode }: Resolved<D, C>,
): Promise<Endpoints<D, C>> {
  const { solver = "heun", steps = 50, startTime = 1e-3 } = ode || {};
  const { environment } = request;
  const { x, conditioning } = await integrateFlow(request, {
    solver,
    steps,
    startTime,
    field: (completed) => adaptedField(environment, sampler, completed, { dt: (1 - startTime) / steps }),
  });
  return judge(environment, x, conditioning);
}

async function sdeReport<D extends DiffusionData<D>, C extends object>(
  environment: Environment<D, C>,
  parts: readonly SdeSamples<D, C>[],
  options: Resolved<D, C>,
): Promise<SdeReport> {
  const endpoints = joinEndpoints(parts);
  const law = await lawReport(environment, endpoints, options);
  const costs = Float64Array.from(parts.flatMap(({ klPath }) => [...klPath]));
  const ratios = parts.flatMap(({ logRatio }) => (logRatio === undefined ? [] : [...logRatio]));
  const { rewards, valids } = endpoints;
  const logWeights = ratios
    .map((ratio, i) => environment.rewardScale * rewards[i]! - ratio)
    .filter((_, i) => valids[i] === 1);
  return {
    ...law,
    klPath: estimate(costs, valids),
    pathEss: logWeights.length === 0 ? undefined : effectiveSampleSize(logWeights) / logWeights.length,
  };
}

async function lawReport<D extends DiffusionData<D>, C extends object>(
  { rewardScale }: Environment<D, C>,
  { latent, sample, rewards, valids, conditioning }: Endpoints<D, C>,
  { heldOut = {}, diversity, exact, seed }: Resolved<D, C>,
): Promise<LawReport> {
  const others: { [name: string]: Estimate } = {};
  for (const [name, reward] of Object.entries(heldOut)) {
    const judged = checkRewards(await reward.evaluate(sample, latent, conditioning), sample.length);
    others[name] = estimate(judged.rewards, judged.valids);
  }
  const judged = Array.from(rewards).filter((_, i) => valids[i] === 1);
  const stream = RandomKey.fromSeed(seed).fold("diversity").stream();
  return {
    reward: estimate(rewards, valids),
    validFraction: judged.length / rewards.length,
    heldOut: others,
    diversity: diversity === undefined ? meanPairwiseDistance(sample, stream)?.mean : await diversity(sample),
    rewardEss:
      judged.length === 0 ? 0 : effectiveSampleSize(judged.map((reward) => rewardScale * reward)) / judged.length,
    exact: (await exact?.law?.(latent)) ?? {},
  };
}
