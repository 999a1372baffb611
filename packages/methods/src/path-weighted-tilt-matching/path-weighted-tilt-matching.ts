import type { DDTensor, DiffusionData, NoConditioning } from "@diffusiongym/core";
import type { BufferRows } from "../buffers/index.js";
import { PooledMethod, type PoolRequest, type RoundStart, total } from "../endpoint-regression/index.js";
import { type Json, type Metrics, requireOneOf, TrainingAbortedError } from "../method/index.js";
import type { Endpoints } from "../sampling/index.js";
import { needsMemorylessNoise, type RequirementCheck, requireAbove, requireBetween } from "../training/index.js";
import type { PathWeightedTiltMatchingOptions, TiltWeights } from "./options.js";
import { ladderLevel, mixturePoolWeights, type PoolWeights, pathPoolWeights } from "./pool-weights.js";

/**
 * Path-weighted tilt matching (METHODS 1.16): the regression of pre-training on every endpoint ever drawn, weighted by exact
 * path probabilities. The method that the documentation recommends for rewards without a gradient.
 *
 * **Needs** any reward, a policy, memoryless noise. The rounds after the first roll out the environment's SDE: 64 steps, or 128
 * where the last digit counts (`weights: "reward"` needs no SDE).
 *
 * **Loss** sum_i w_i |v_theta(x_t) - u_c|^2, plain flow matching in whatever output the model has: rows are resampled from the
 * pools by w = softmax(lambda_j r - L) within each pool, times the pool's effective sample size. L = log dP^theta / dP^base of
 * the path that led to the endpoint, 0 in the base model's pool. Because E_theta[exp(lambda r - L) f(x_1)] = E_base[exp(lambda
 * r) f(x_1)] for any policy, errors of earlier rounds cost effective samples and nothing else, and old pools stay valid.
 * lambda_j climbs a ladder: as far as `ladderEss` effective samples reach, in the last round to the environment's `rewardScale`.
 *
 * **Converges to** the tilt p(x) exp(lambda r(x)) / Z, up to the self-normalisation of the weights and the discretisation of
 * the base model's SDE. The result is an ordinary model fitted at all times, so the ODE and every SDE grid work.
 *
 * **Knobs** lambda is the environment's `rewardScale` and nothing changes it. Rounds help when the base model's pool has few
 * effective samples at lambda: with 10 000 or more one round is as good and cheaper (`advice`, `one_round_enough`, and
 * `RewardWeightedRegression`). `basePoolSize`, `poolSize` and the environment's steps buy accuracy.
 *
 * **Cost** basePoolSize + (rounds - 1) poolSize rewards; a rollout a round; an iteration is one regression on batchSize *
 * noisings rows. All endpoints are kept, and saved with every checkpoint.
 *
 * **Pitfalls** the variance of L grows with the number of dimensions times the squared error of the fit: when `path_ess` falls
 * below .05, use `weights: "reward"` or reinforce adjoint matching with path cost. On coarse grids, and for learned models,
 * the SDE's base law differs from the flow's, which shows as rounds that disagree: take more steps, or `baseSampler: "sde"`. A small pool that is regressed on for long is learned by
 * heart.
 *
 * **Metrics** `lambda` (that of the round), `ess_total`, and for each pool `ess_j`, `share_j` (of the weight), `reward_j` and
 * `reward_error_j` (the mean reward at lambda that it estimates: all pools must agree); `round_disagreement`, the largest
 * difference in standard errors; `kl_path` and `path_ess` of each rollout; `base_ess`, `one_round_enough`.
 */
export class PathWeightedTiltMatching<
  D extends DiffusionData<D> = DDTensor,
  C extends object = NoConditioning,
> extends PooledMethod<D, C> {
  readonly name = "path-weighted-tilt-matching";
  protected readonly title = "Path-weighted tilt matching";
  private readonly weighing: TiltWeights;
  private readonly baseSampler: "ode" | "sde";
  private readonly ladderEss: number;
  private readonly leastEss: number;
  private readonly leastEssFraction: number;
  private readonly consistencyLimit: number;

  /** @throws ArgumentError for an option out of range */
  constructor(options: PathWeightedTiltMatchingOptions<D, C>) {
    super(options, {
      iterations: 4000,
      batchSize: 512,
      learningRate: 6e-3,
      averageDecay: 0.995,
      solverSteps: 24,
      rounds: 4,
      roundIterations: (iterations, rounds) => Math.min(500, Math.floor(iterations / (2 * rounds))),
    });
    const { weights = "path", ladderEss = 2000, leastEss = 200, leastEssFraction = 0, consistencyLimit = 5 } = options;
    const { baseSampler = "ode" } = options;
    requireOneOf("weights", weights, ["path", "reward", "none"]);
    requireOneOf("baseSampler", baseSampler, ["ode", "sde"]);
    requireAbove("ladderEss", ladderEss, 0);
    requireAbove("leastEss", leastEss, 0);
    requireBetween("leastEssFraction", leastEssFraction, 0, 1);
    requireAbove("consistencyLimit", consistencyLimit, 0);
    this.weighing = weights;
    this.baseSampler = baseSampler;
    this.ladderEss = ladderEss;
    this.leastEss = leastEss;
    this.leastEssFraction = leastEssFraction;
    this.consistencyLimit = consistencyLimit;
  }

  cite(): string {
    return citation;
  }

  /** What the numbers so far say about the choice of method, in sentences; nothing before the first iteration. */
  get advice(): readonly string[] {
    const { base_ess: baseEss = 0, path_ess: pathEss } = this.summary;
    const advice: string[] = [];
    if (baseEss >= enoughForOneRound) {
      advice.push(
        `The base model's pool alone has ${Math.round(baseEss)} effective samples at rewardScale ` +
          `${this.environment.rewardScale}: one offline round (RewardWeightedRegression) is as good and cheaper.`,
      );
    }
    if (pathEss !== undefined && pathEss < 0.05) {
      advice.push(
        `The paths of the last rollout have an effective share of ${pathEss.toPrecision(2)}: their weights carry little. Use ` +
          'weights: "reward", reinforce adjoint matching with pathCost, or train each round longer.',
      );
    }
    return advice;
  }

  protected *requirements(): Iterable<RequirementCheck> {
    if (this.baseSampler === "sde" || (this.weighing === "path" && this.plan.rounds > 1)) {
      yield needsMemorylessNoise(this.environment);
    }
  }

  protected override async drawBasePool(request: PoolRequest): Promise<Endpoints<D, C>> {
    return this.baseSampler === "ode" ? this.drawPool(request) : (await this.rollOutPool(request)).endpoints;
  }

  protected async beginRound(round: number, signal: AbortSignal | undefined): Promise<RoundStart> {
    const { rewardScale } = this.environment;
    const rollout: Metrics = round === 0 ? {} : await this.addPool(round, signal);
    const last = round === this.plan.rounds - 1;
    const weigh = this.weigher();
    const level = last
      ? rewardScale
      : ladderLevel({
          from: this.levels.at(-1) ?? 0,
          to: rewardScale,
          enough: this.ladderEss,
          ess: (candidate) => total(weigh(candidate).ess),
        });
    const weighed = weigh(level);
    this.refuseTooFew(weighed, level);
    const metrics = { ...this.newestMetrics(), ...rollout, ...this.describeWeights(weighed, level) };
    const baseEss = round === 0 ? total(weigh(rewardScale).ess) : (this.summary.base_ess ?? 0);
    return {
      level,
      metrics: { ...metrics, base_ess: baseEss, one_round_enough: baseEss >= enoughForOneRound ? 1 : 0 },
    };
  }

  protected poolWeights(): ArrayLike<number> {
    const levels = this.levels;
    return this.weigher(levels.slice(0, -1))(levels.at(-1)!).weights;
  }

  protected async fit(rows: BufferRows<D, C>): Promise<{ loss: number }> {
    return { loss: await this.regressRows(this.noise(rows), ({ target }) => ({ targets: target })) };
  }

  protected settings(): { readonly [name: string]: Json } {
    return {
      ...this.roundSettings(),
      weights: this.weighing,
      baseSampler: this.baseSampler,
      ladderEss: this.ladderEss,
      leastEss: this.leastEss,
      leastEssFraction: this.leastEssFraction,
      consistencyLimit: Number.isFinite(this.consistencyLimit) ? this.consistencyLimit : null,
    };
  }

  private async addPool(round: number, signal: AbortSignal | undefined): Promise<Metrics> {
    const request = { n: this.plan.poolSize, indexOffset: this.poolOffset(round), adapted: true, signal };
    if (this.weighing !== "path") {
      const endpoints = await this.drawPool(request);
      if (this.weighing === "none") {
        this.buffer.keepLast(0);
      }
      this.buffer.add(endpoints, request.indexOffset);
      return {};
    }
    const { endpoints, logRatio, klPath, stateMax } = await this.rollOutPool(request);
    this.buffer.add(endpoints, request.indexOffset, logRatio);
    const newest = pathPoolWeights(
      { pools: this.buffer.pools.slice(-1), conditions: this.conditions },
      this.environment.rewardScale,
    );
    return { kl_path: klPath, path_ess: newest.ess[0]! / request.n, state_max: stateMax };
  }

  /**
   * The weights of all pools at any level.
   * @param before levels of the rounds before this one: pool j > 0 was drawn by the policy that had been fitted to level j - 1
   */
  private weigher(before: readonly number[] = this.levels): (level: number) => PoolWeights {
    const { conditions, leastEssFraction } = this;
    const options = { pools: this.buffer.pools, conditions, leastEssFraction };
    switch (this.weighing) {
      case "path":
        return (level) => pathPoolWeights(options, level);
      case "reward":
        return mixturePoolWeights(options, [0, ...before]);
      case "none":
        return (level) => pathPoolWeights(options, level - (before.at(-1) ?? 0));
    }
  }

  private refuseTooFew({ ess }: PoolWeights, level: number): void {
    const sum = total(ess);
    if (sum < this.leastEss) {
      throw new TrainingAbortedError(
        `Stopped in iteration ${this.iteration + 1}: at a reward scale of ${level.toPrecision(3)} all endpoints together have ` +
          `${sum.toFixed(1)} effective samples, and ${this.leastEss} are needed. Draw larger pools, climb in more rounds, or lower rewardScale.`,
        "effective-samples",
        this.iteration + 1,
      );
    }
  }

  private describeWeights({ weights, ess, means }: PoolWeights, level: number): Metrics {
    const metrics: { [name: string]: number } = { lambda: level, ess_total: total(ess) };
    let from = 0;
    for (const [pool, { rewards }] of this.buffer.pools.entries()) {
      metrics[`ess_${pool}`] = ess[pool]!;
      metrics[`share_${pool}`] = total(weights.subarray(from, from + rewards.length));
      metrics[`reward_${pool}`] = means[pool]!.mean;
      metrics[`reward_error_${pool}`] = means[pool]!.standardError;
      from += rewards.length;
    }
    if (this.weighing === "path") {
      metrics.round_disagreement = this.disagreement(ess, means);
    }
    return metrics;
  }

  /** Largest difference between the mean rewards that two pools estimate, in standard errors. */
  private disagreement(ess: readonly number[], means: PoolWeights["means"]): number {
    let largest = 0;
    for (let a = 0; a < means.length; a++) {
      for (let b = 0; b < a; b++) {
        const error = Math.hypot(means[a]!.standardError, means[b]!.standardError);
        // A standard error that was estimated from a handful of samples says nothing.
        if (Math.min(ess[a]!, ess[b]!) < comparableEss || error === 0) {
          continue;
        }
        const distance = Math.abs(means[a]!.mean - means[b]!.mean) / error;
        largest = Math.max(largest, distance);
        if (distance > this.consistencyLimit) {
          throw new TrainingAbortedError(
            `Stopped in iteration ${this.iteration + 1}: pools ${b} and ${a} estimate mean rewards of ${means[b]!.mean.toPrecision(4)} and ` +
              `${means[a]!.mean.toPrecision(4)}, ${distance.toFixed(1)} standard errors apart, although both should give that of the tilt. ` +
              "The steps of the SDE are too coarse for so large a pool (take more steps, or raise consistencyLimit), the flow and the SDE of " +
              'the base model differ in law (baseSampler: "sde"), or the path weights are wrong.',
            "round-disagreement",
            this.iteration + 1,
          );
        }
      }
    }
    return largest;
  }
}

/** Effective samples of the base model's pool from which on one round is as good (METHODS 1.16). */
const enoughForOneRound = 10_000;
/** Effective samples from which on a pool's standard error is trusted. */
const comparableEss = 100;

const citation = `@misc{diffusiongym2026pathweighted,
  title = {Path-weighted tilt matching: weighted flow matching with path-space importance weights and replay},
  author = {{The diffusiongym authors}},
  year = {2026},
  note = {METHODS, section 1.16}
}
@article{potaptchik2025tilt,
  title = {Tilt Matching for Scalable Sampling and Fine-Tuning},
  author = {Potaptchik, Peter and Lee, Cheuk-Kit and Albergo, Michael S.},
  journal = {arXiv preprint arXiv:2512.21829},
  year = {2025}
}
@article{shirts2008statistically,
  title = {Statistically optimal analysis of samples from multiple equilibrium states},
  author = {Shirts, Michael R. and Chodera, John D.},
  journal = {The Journal of Chemical Physics},
  volume = {129},
  pages = {124105},
  year = {2008}
}`;
