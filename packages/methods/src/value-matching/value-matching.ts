import {
  type ControlPolicy,
  collate,
  concatConditioning,
  type DDTensor,
  type DiffusionData,
  type NoConditioning,
  ValuePolicy,
} from "@diffusiongym/core";
import { Adam, clipGlobalNorm, type Parameters } from "@diffusiongym/nn";
import {
  environmentIdentity,
  fingerprint,
  type Json,
  type Method,
  type MethodState,
  type Metrics,
  scheduleIdentity,
  underPrefix,
  withPrefix,
} from "../method/index.js";
import { AbortRules, type Baseline, meanPathCost, rewardStatistics } from "../monitoring/index.js";
import {
  needsMemorylessNoise,
  needsNoPolicy,
  needsParameters,
  needsRewardScale,
  requireAll,
} from "../training/index.js";
import { type ResolvedOptions, resolveOptions, type ValueMatchingOptions } from "./options.js";
import { costsToGo } from "./targets.js";
import { TimeBins } from "./time-bins.js";
import { rollOutValue, type ValueRollout } from "./value-rollout.js";
import { valueWeights } from "./weights.js";

/**
 * Value matching: learns the optimal cost to go V(x, t) = -log E[exp(lambda r(X_1)) | X_t = x] by regression on the costs
 * to go of its own greedy control u = -sigma grad V (METHODS 1.1).
 *
 * **Needs** any reward (black box), memoryless noise, a network that gives a value and its input gradient. The base model
 * is only run forward, so memory does not depend on its size.
 *
 * **Loss** sum over steps of w_k dt_k mean_i ((V(x_k, t_k) - target_k) / lambda)^2, targets held constant; see `costsToGo`.
 * The regression's minimum is the cost to go of the control in use; with the greedy control that is the HJB equation, so
 * policy evaluation and improvement happen at once. With look-ahead the known terminal value is fitted too.
 *
 * **Converges to** the tilt p(x) exp(lambda r(x)) / Z in continuous time. On a grid of N steps with look-ahead and the
 * martingale target the sampled law is within a few percent of it at N = 32; without look-ahead it is under-tilted
 * (.88 lambda at N = 20, .95 at N = 50 for Gaussians). Sample with the SDE grid used in training; the ODE of a value
 * matching model is worse.
 *
 * **Knobs** lambda is the environment's `rewardScale`. Rare modes of mass m need over 10/m rollouts a stage: use
 * `annealing`. Smooth activations: a rough network gives a noisy control.
 *
 * **Cost** an iteration runs the base model and the value's gradient once a step, and `updatesPerIteration` regressions on all
 * states.
 */
export class ValueMatching<D extends DiffusionData<D> = DDTensor, C extends object = NoConditioning> implements Method {
  readonly name = "value-matching";
  /** The control to sample with: `environment.controlPolicy = method.controlPolicy`. Always that of the latest parameters. */
  readonly controlPolicy: ControlPolicy<D, C>;
  private readonly options: ResolvedOptions<D, C>;
  private readonly optimizer: Adam;
  private readonly rules: AbortRules;
  private readonly weights: Float64Array;
  private readonly scheduleIdentity: Json;
  private baseline: Baseline | undefined;
  private completed = 0;

  /** @throws ArgumentError for an option out of range */
  constructor(options: ValueMatchingOptions<D, C>) {
    this.options = resolveOptions(options);
    const { environment, value, lookAhead, learningRate, iterations, updatesPerIteration, weights } = this.options;
    this.optimizer = new Adam(value.network.parameters, { learningRate });
    this.rules = new AbortRules(iterations, Math.sign(environment.rewardScale));
    this.weights = valueWeights(weights, environment.timesteps, environment.scheduler);
    this.scheduleIdentity = scheduleIdentity(learningRate, iterations * updatesPerIteration);
    this.controlPolicy = new ValuePolicy({ value, scheduler: environment.scheduler, lookAhead });
  }

  get iterations(): number {
    return this.options.iterations;
  }

  get iteration(): number {
    return this.completed;
  }

  validate(): Promise<void> {
    const { environment, value } = this.options;
    return requireAll(this.name, "Value matching", [
      needsMemorylessNoise(environment),
      needsNoPolicy(environment),
      needsRewardScale(environment),
      needsParameters(value.network.parameters, "value function"),
    ]);
  }

  async iterate(signal?: AbortSignal): Promise<Metrics> {
    const started = performance.now();
    this.baseline ??= await this.measureBaseline(signal);
    const { environment, value, batchSize, lookAhead, target, conditioning, seed, maxGradientNorm } = this.options;
    const rewardScale = this.rewardScaleAt(this.completed);
    const rollout = await rollOutValue({
      environment,
      value,
      lookAhead,
      n: batchSize,
      seed,
      indexOffset: (this.completed + 1) * batchSize,
      conditioning,
      signal,
    });
    const { sample } = rollout;
    const terminal = sample.rewards.map((reward) => -rewardScale * reward);
    const targets = costsToGo({ ...rollout.costs, terminal }, target);
    const statistics = rewardStatistics(sample.rewards, sample.valids);
    const klPath = meanPathCost(sample);
    const { loss, gradients, fit } = await this.regress(rollout, targets, rewardScale);
    const gradientNorm = clipGlobalNorm(gradients, maxGradientNorm);
    const { learningRate } = this.optimizer;
    const metrics = {
      reward: statistics.mean,
      reward_std: statistics.std,
      reward_min: statistics.min,
      reward_max: statistics.max,
      kl_path: klPath,
      objective: rewardScale * statistics.mean - klPath,
      loss,
      grad_norm: gradientNorm,
      valid_fraction: statistics.validFraction,
      ...fit,
      state_max: rollout.stateMax,
      learning_rate: learningRate,
      reward_scale: rewardScale,
    };
    this.rules.check(this.completed + 1, metrics, this.baseline);
    this.optimizer.update(gradients);
    for (let update = 1; update < this.options.updatesPerIteration; update++) {
      const again = await this.regress(rollout, targets, rewardScale);
      clipGlobalNorm(again.gradients, maxGradientNorm);
      this.optimizer.update(again.gradients);
    }
    this.completed += 1;
    return { ...metrics, step_time: (performance.now() - started) / 1000 };
  }

  state(): MethodState {
    const { step, arrays } = this.optimizer.state();
    return {
      iteration: this.completed,
      arrays: new Map([
        ...withPrefix("value", this.options.value.network.parameters.state()),
        ...withPrefix("optimizer", arrays),
      ]),
      values: {
        optimizerStep: step,
        rules: this.rules.state(),
        baseline: this.baseline === undefined ? null : { ...this.baseline },
      },
    };
  }

  restore({ iteration, arrays, values }: MethodState): void {
    this.options.value.network.parameters.restore(underPrefix("value", arrays));
    this.optimizer.restore({ step: values.optimizerStep as number, arrays: underPrefix("optimizer", arrays) });
    this.rules.restore(values.rules!);
    this.baseline = (values.baseline as Baseline | null) ?? undefined;
    this.completed = iteration;
  }

  describe(): { readonly [name: string]: Json } {
    const { environment, value, iterations, learningRate, weights, annealing, conditioning, ...rest } = this.options;
    const { parameters, graph } = value.network;
    return {
      environment: environmentIdentity(environment),
      steps: environment.steps,
      rewardScale: environment.rewardScale,
      parameters: parameters.shapes().map(({ name, shape }) => ({ name, shape })),
      network: graph === undefined ? null : fingerprint(graph.nodes),
      iterations,
      learningRate: this.scheduleIdentity,
      weights: typeof weights === "function" ? Array.from(this.weights) : weights,
      annealing: annealing === undefined ? null : { ...annealing },
      conditioning: fingerprint(conditioning),
      batchSize: rest.batchSize,
      // Left out at its default, so that checkpoints from before there was a choice are still continued.
      ...(rest.updatesPerIteration > 1 && { updatesPerIteration: rest.updatesPerIteration }),
      maxGradientNorm: rest.maxGradientNorm,
      target: rest.target,
      lookAhead: rest.lookAhead,
      regressionBatchSize: rest.regressionBatchSize,
      seed: rest.seed,
    };
  }

  cite(): string {
    return citation;
  }

  private rewardScaleAt(iteration: number): number {
    const { environment, annealing } = this.options;
    if (annealing === undefined || iteration >= annealing.iterations) {
      return environment.rewardScale;
    }
    return annealing.from + ((environment.rewardScale - annealing.from) * iteration) / annealing.iterations;
  }

  private async measureBaseline(signal: AbortSignal | undefined): Promise<Baseline> {
    const { environment, batchSize: n, lookAhead, seed, conditioning } = this.options;
    const request = { environment, value: undefined, lookAhead, n, seed, indexOffset: 0, conditioning, signal };
    const { sample, stateMax } = await rollOutValue<D, C>(request);
    const { mean, std, validFraction } = rewardStatistics(sample.rewards, sample.valids);
    return { rewardMean: mean, rewardStd: std, valid: Math.round(validFraction * n), stateMax };
  }

  /** Sum over steps of the weighted squared errors, computed a few steps at a time. */
  private async regress(
    rollout: ValueRollout<D, C>,
    targets: readonly Float32Array[],
    rewardScale: number,
  ): Promise<{ loss: number; gradients: Parameters; fit: Metrics }> {
    const { value, batchSize, regressionBatchSize, lookAhead } = this.options;
    const { sample, states, costs } = rollout;
    const steps = lookAhead ? states.length : states.length - 1;
    const valid = sample.valids.reduce((sum, flag) => sum + flag, 0);
    const scale = 1 / (Math.max(1, valid) * (rewardScale || 1) ** 2);
    const stepsAtOnce = Math.max(1, Math.floor(regressionBatchSize / batchSize));
    const timeBins = new TimeBins();
    let start: Metrics = {};
    let loss = 0;
    for (let from = 0; from < steps; from += stepsAtOnce) {
      const chosen = Array.from({ length: Math.min(stepsAtOnce, steps - from) }, (_, k) => from + k);
      const rows = (pick: (k: number, i: number) => number): Float32Array =>
        Float32Array.from({ length: chosen.length * batchSize }, (_, row) =>
          pick(chosen[Math.floor(row / batchSize)]!, row % batchSize),
        );
      const part = await value.regress({
        x: collate(chosen.map((k) => states[k]!)),
        t: rows((k) => sample.timesteps[k]!),
        conditioning: concatConditioning(
          chosen.map(() => sample.conditioning),
          chosen.map(() => batchSize),
        ),
        targets: rows((k, i) => targets[k]![i]!),
        weights: rows((k, i) => sample.valids[i]! * this.weights[k]! * (costs.dts[k] ?? costs.dts.at(-1)!) * scale),
        accumulate: from > 0,
      });
      loss += part.loss;
      for (const [row, k] of chosen.entries()) {
        const values = part.values?.subarray(row * batchSize, (row + 1) * batchSize);
        timeBins.add({ time: sample.timesteps[k]!, targets: targets[k]!, values, valids: sample.valids });
        if (k === 0 && values !== undefined) {
          const { mean, std } = rewardStatistics(values, sample.valids);
          start = { value_start: mean, value_start_std: std };
        }
      }
    }
    return { loss, gradients: value.network.gradients, fit: { ...start, ...timeBins.metrics() } };
  }
}

const citation = `@inproceedings{domingoenrich2025adjoint,
  title = {Adjoint Matching: Fine-tuning Flow and Diffusion Generative Models with Memoryless Stochastic Optimal Control},
  author = {Domingo-Enrich, Carles and Drozdzal, Michal and Karrer, Brian and Chen, Ricky T. Q.},
  booktitle = {International Conference on Learning Representations},
  year = {2025}
}
@article{uehara2024fine,
  title = {Fine-Tuning of Continuous-Time Diffusion Models as Entropy-Regularized Control},
  author = {Uehara, Masatoshi and Zhao, Yulai and Black, Kevin and Hajiramezanali, Ehsan and Scalia, Gabriele and Diamant, Nathaniel Lee and Tseng, Alex M. and Biancalani, Tommaso and Levine, Sergey},
  journal = {arXiv preprint arXiv:2402.15194},
  year = {2024}
}`;
