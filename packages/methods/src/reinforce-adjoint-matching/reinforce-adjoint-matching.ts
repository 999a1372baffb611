import {
  ArgumentError,
  type DDTensor,
  type DiffusionData,
  type NoConditioning,
  throwIfAborted,
} from "@diffusiongym/core";
import { cosineSchedule, type LearningRateSchedule } from "@diffusiongym/nn";
import { EndpointMethod, type NoisedRows, perRow, restartedCosine } from "../endpoint-regression/index.js";
import { type Json, type Metrics, requireOneOf, underPrefix, withPrefix } from "../method/index.js";
import type { TrainablePolicy } from "../policies/index.js";
import { takeConditioning } from "../rows/index.js";
import type { Endpoints } from "../sampling/index.js";
import {
  type ExtraState,
  needsMemorylessNoise,
  type RequirementCheck,
  repeatedIndices,
  requireAbove,
  requireCount,
  rewardMetrics,
  validMean,
} from "../training/index.js";
import { LearnedBaseline } from "./baselines.js";
import { type Comparison, compareRewards } from "./comparison.js";
import { Correction } from "./correction.js";
import { instabilityError } from "./instability.js";
import { type IntermediateNoisings, noiseThroughIntermediate } from "./intermediate.js";
import type { ReinforceAdjointMatchingOptions, ReinforceBaseline } from "./options.js";
import { needsBaselines, needsFiniteControl } from "./requirements.js";

/**
 * Reinforce adjoint matching, RAM (arXiv 2605.10759; METHODS 1.13): one regression on noised endpoints of the policy itself, whose
 * target is the base model's velocity corrected by the reward. With `pathCost` ("RAM-B") the correction also has what control
 * will cost.
 *
 * **Needs** any reward, a policy, a base model; the conditional baseline (the default) a network for E[r | x_t], with `pathCost`
 * another for the cost. Endpoints are drawn by the flow: no SDE, no rollout is stored, no vector-Jacobian product.
 *
 * **Loss** mean |v_theta(x_t) - target|^2, target = v_ref + lambda (r - b) (u_c - sg v_theta); with path cost the target has in
 * addition (C - b_C) (eta xi / sqrt(q) + v_theta - kappa x_t), with C a one-sample estimate of the integral of 1/2 |u|^2 from t to 1
 * at an intermediate state x_s, from which x_t = rho x_s + sqrt(q) xi.
 *
 * **Converges to** v_theta = v_ref + lambda Cov_pi(r, u_c | x_t) + lambda (E_pi[r | x_t] - b) (v_pi - v_theta): **not the tilt**, but one
 * backward Euler step towards it. With the conditional baseline .287, .435, .708 lambda for lambda = .3, .5, 1 on three modes (exact on
 * a single Gaussian with a linear reward); the flow and the SDE then have different laws. With `pathCost` the tilt: 1.00. With
 * `trapezoid`, half of lambda by an explicit step from the base model and half by RAM from there, .948 at lambda = 1.
 *
 * **Knobs** lambda is the environment's `rewardScale`. `normalization: "std"` makes it lambda / std(r), which grows while the policy
 * concentrates (`lambda_effective`). A baseline that does not depend on x_t is stable only where 1 + lambda (E[r | x_t] - b) > 0:
 * where a sample violates this (`stability_min` below 0) the run is refused, or stopped.
 *
 * **Cost** an iteration draws batchSize endpoints and rewards, and runs base model and policy forward and one regression on batchSize *
 * noisings rows; each baseline one regression of a network of its own; `pathCost` base model and policy once more.
 *
 * **Pitfalls** never call the result the tilt at lambda unless with `pathCost`, and there not beyond a path KL of 2 or so (use path-weighted
 * tilt matching). With `pathCost` use a residual policy with `scale: "value-gradient"` (or, for velocities, `"one-minus-t"`), so that the
 * control stays finite at t = 1; on endpoints it is refused without.
 *
 * **Metrics** `stability_min` (least 1 + lambda (r - b)), `lambda_effective`, `output_shift` (root mean square of v_theta - v_ref),
 * `reward_baseline_loss`, `cost_mean`, `cost_baseline_loss`, `capped_fraction`; with `rolloutEvery` also `kl_path` and `sde_reward_gap`,
 * the mean reward of the SDE minus that of the flow, which is 0 for a consistent model.
 */
export class ReinforceAdjointMatching<
  D extends DiffusionData<D> = DDTensor,
  C extends object = NoConditioning,
> extends EndpointMethod<D, C> {
  readonly name = "reinforce-adjoint-matching";
  protected readonly title = "Reinforce adjoint matching";
  private readonly reinforceBaseline: ReinforceBaseline;
  private readonly pathCost: boolean;
  private readonly groupSize: number;
  private readonly normalization: "none" | "std";
  private readonly maxCost: number;
  private readonly maxCorrection: number;
  private readonly rolloutEvery: number;
  private readonly rewardBaseline: LearnedBaseline<D, C> | undefined;
  private readonly costBaseline: LearnedBaseline<D, C> | undefined;
  /** Where the first half of a trapezoid ended, frozen. */
  private readonly middle: TrainablePolicy<D, C> | undefined;
  private readonly given: ReinforceAdjointMatchingOptions<D, C>;

  /** @throws ArgumentError for an option out of range */
  constructor(options: ReinforceAdjointMatchingOptions<D, C>) {
    const { trapezoid = false, iterations = defaults.iterations, learningRate = defaults.learningRate } = options;
    super(
      trapezoid && iterations > 1 && typeof learningRate === "number"
        ? { ...options, learningRate: restartedCosine(halves(iterations), learningRate, iterations) }
        : options,
      defaults,
    );
    const { baseline = "conditional", pathCost = false, groupSize = 0, normalization = "none" } = options;
    const { maxCost = 200, maxCorrection = pathCost ? 50 : Number.POSITIVE_INFINITY, rolloutEvery = 0 } = options;
    requireOneOf("baseline", baseline, ["conditional", "mean", "none"]);
    requireOneOf("normalization", normalization, ["none", "std"]);
    requireCount("groupSize", groupSize, 0);
    requireAbove("maxCost", maxCost, 0);
    requireAbove("maxCorrection", maxCorrection, 0);
    requireCount("rolloutEvery", rolloutEvery, 0);
    requireCount("iterations", this.iterations, trapezoid ? 2 : 1);
    if (trapezoid && pathCost) {
      throw new ArgumentError("trapezoid stands in for the path cost; choose one of the two.", "trapezoid", trapezoid);
    }
    this.middle = trapezoid ? this.policy.withParameters(this.policy.parameters.clone()) : undefined;
    this.reinforceBaseline = baseline;
    this.pathCost = pathCost;
    this.groupSize = groupSize;
    this.normalization = normalization;
    this.maxCost = maxCost;
    this.maxCorrection = maxCorrection;
    this.rolloutEvery = rolloutEvery;
    this.given = options;
    if (baseline === "conditional") {
      const { rewardBaseline, costBaseline } = options;
      const rate = this.baselineRate(options.baselineLearningRate);
      this.rewardBaseline = rewardBaseline && new LearnedBaseline(rewardBaseline, rate, this.common.updates);
      this.costBaseline =
        pathCost && costBaseline ? new LearnedBaseline(costBaseline, rate, this.common.updates) : undefined;
    }
  }

  cite(): string {
    return citation;
  }

  protected *requirements(): Iterable<RequirementCheck> {
    yield* needsBaselines(this.given);
    yield* needsFiniteControl(this.given);
    if (this.rolloutEvery > 0) {
      yield needsMemorylessNoise(this.environment);
    }
  }

  protected async advance(signal: AbortSignal | undefined): Promise<Metrics> {
    const { rewardScale } = this.environment;
    throwIfAborted(signal, "Training");
    const explicit = this.middle !== undefined && this.iteration < halves(this.iterations).roundIterations;
    if (this.middle !== undefined && this.iteration === halves(this.iterations).roundIterations) {
      this.middle.parameters.data.set(this.adapted.parameters.data);
    }
    const endpoints = await this.drawBatch(signal, explicit ? undefined : this.policy);
    const compared = this.compare(endpoints);
    const rollout = await this.measureRollout(endpoints, signal);
    const { rows, intermediate } = this.draw({ ...endpoints, x1: endpoints.latent });
    const correction = new Correction({
      model: this.environment.baseModel,
      policy: this.policy,
      start: explicit ? undefined : this.middle,
      explicit,
      rewardBaseline: this.rewardBaseline,
      costBaseline: this.costBaseline,
      maxCost: this.maxCost,
      maxCorrection: this.maxCorrection,
      advantages: perRow(rows, compared.scaled),
      valids: perRow(rows, endpoints.valids),
      intermediate,
    });
    const loss = await this.regressRows(rows, (chunk) => correction.plan(chunk));
    const update = this.updateParameters();
    this.rewardBaseline?.update();
    this.costBaseline?.update();
    return {
      ...rewardMetrics(endpoints, rewardScale),
      ...rollout,
      loss,
      ...update,
      stability_min: compared.stability,
      lambda_effective: compared.scale,
      ...correction.metrics(),
    };
  }

  protected settings(): { readonly [name: string]: Json } {
    const finite = (value: number): Json => (Number.isFinite(value) ? value : null);
    return {
      ...this.endpointSettings(),
      baseline: this.reinforceBaseline,
      pathCost: this.pathCost,
      groupSize: this.groupSize,
      normalization: this.normalization,
      maxCost: finite(this.maxCost),
      maxCorrection: finite(this.maxCorrection),
      rolloutEvery: this.rolloutEvery,
      trapezoid: this.middle !== undefined,
      rewardBaseline: this.rewardBaseline?.describe() ?? null,
      costBaseline: this.costBaseline?.describe() ?? null,
    };
  }

  protected override extraState(): ExtraState {
    const reward = this.rewardBaseline?.state("reward");
    const cost = this.costBaseline?.state("cost");
    return {
      arrays: [
        ...(reward?.arrays ?? []),
        ...(cost?.arrays ?? []),
        ...(this.middle ? withPrefix("middle", this.middle.parameters.state()) : []),
      ],
      values: { rewardStep: reward?.step ?? 0, costStep: cost?.step ?? 0 },
    };
  }

  protected override restoreExtra(
    arrays: ReadonlyMap<string, Float32Array>,
    values: { readonly [name: string]: Json },
  ): void {
    this.rewardBaseline?.restore("reward", arrays, values.rewardStep as number);
    this.costBaseline?.restore("cost", arrays, values.costStep as number);
    this.middle?.parameters.restore(underPrefix("middle", arrays));
  }

  private baselineRate(rate: number | LearningRateSchedule | undefined): LearningRateSchedule {
    if (rate === undefined) {
      return this.common.learningRate;
    }
    return typeof rate === "number" ? cosineSchedule({ peak: rate, steps: this.common.updates }) : rate;
  }

  /** lambda (r - b) without the conditional part of b; refuses what is unstable. */
  private compare({ rewards, valids }: Endpoints<D, C>): Comparison {
    const { groupSize, normalization } = this;
    const comparison = compareRewards(rewards, valids, {
      rewardScale: this.environment.rewardScale / (this.middle === undefined ? 1 : 2),
      groupSize,
      normalization,
      raw: this.reinforceBaseline === "none" && normalization === "none",
    });
    if (this.reinforceBaseline !== "conditional" && comparison.stability < 0) {
      const { name: method, reinforceBaseline: baseline, iteration } = this;
      throw instabilityError({ method, baseline, iteration, ...comparison });
    }
    return comparison;
  }

  private async measureRollout(flow: Endpoints<D, C>, signal: AbortSignal | undefined): Promise<Metrics> {
    if (this.rolloutEvery === 0 || this.iteration % this.rolloutEvery !== 0) {
      return {};
    }
    const rollout = await this.rollOutBatch(signal);
    return {
      kl_path: validMean(rollout.klPath, rollout.valids),
      sde_reward_gap: validMean(rollout.rewards, rollout.valids) - validMean(flow.rewards, flow.valids),
      state_max: rollout.stateMax,
    };
  }

  /** Noises endpoints, through an intermediate time where the path cost needs one. */
  private draw(batch: { readonly x1: D; readonly conditioning: C }): Drawn<D, C> {
    if (!this.pathCost) {
      return { rows: this.noise(batch), intermediate: undefined };
    }
    const { noisings, timeRange } = this.endpointOptions;
    const sources = repeatedIndices(batch.x1.length, noisings);
    const intermediate = noiseThroughIntermediate({
      model: this.environment.baseModel,
      x1: noisings === 1 ? batch.x1 : batch.x1.take(sources),
      key: this.key("noisings").fold(this.iteration).fold(0),
      timeRange,
    });
    const { xt, t, x0, target } = intermediate;
    const conditioning = noisings === 1 ? batch.conditioning : takeConditioning(batch.conditioning, sources);
    return { rows: { xt, t, x0, target, conditioning, sources }, intermediate };
  }
}

const defaults = { iterations: 1500, batchSize: 256, learningRate: 3e-3, averageDecay: 0.99, solverSteps: 12 };

/** The two halves of a trapezoid. */
function halves(iterations: number) {
  return { rounds: 2, roundIterations: Math.max(1, Math.floor(iterations / 2)) };
}

interface Drawn<D, C> {
  readonly rows: NoisedRows<D, C>;
  readonly intermediate: IntermediateNoisings<D> | undefined;
}

const citation = `@article{bergmeister2026reinforce,
  title = {Reinforce Adjoint Matching: Scaling RL Post-Training of Diffusion and Flow-Matching Models},
  author = {Bergmeister, Andreas and Jegelka, Stefanie and N{\\"u}sken, Nikolas and Domingo-Enrich, Carles and Pidstrigach, Jakiw},
  journal = {arXiv preprint arXiv:2605.10759},
  year = {2026}
}`;
