import { ArgumentError, type DDTensor, type DiffusionData, type NoConditioning } from "@diffusiongym/core";
import { eulerMaruyamaKernel, type TransitionKernel } from "../kernels/index.js";
import { type Json, type Metrics, requireOneOf } from "../method/index.js";
import {
  backwardAlong,
  ObjectiveRule,
  outputsAlong,
  refuseStaleRollout,
  requireGroups,
} from "../policy-gradient/index.js";
import {
  type ExtraState,
  needsMemorylessKernel,
  needsStochasticKernel,
  PolicyMethod,
  type RequirementCheck,
  requireAbove,
  requireBetween,
  requireCount,
  rewardMetrics,
  rolloutMetrics,
} from "../training/index.js";
import {
  balanceResiduals,
  type Residuals,
  ScalarNormalizer,
  StartNormalizer,
  varianceResiduals,
} from "./normalizers.js";
import type { Behaviour, LogVarianceOptions, Normalizer } from "./options.js";
import { type JudgedPaths, PathBuffer } from "./path-buffer.js";

/**
 * Log-variance loss and trajectory balance (Richter et al., arXiv 2010.10436; Malkin et al., arXiv 2201.13259; METHODS 1.9): makes
 * log dP_theta / dP_base - lambda R the same number, -log Z, on every path.
 *
 * **Needs** any reward (black box), random steps; memoryless ones unless `normalizer: "start"`. A policy that starts at the base model.
 *
 * **Loss** Var_i(L_i - lambda R_i) over the batch or over each group, with L_i = sum_k w_ik . noise_ik - |w_ik|^2 / 2 = log dP_theta / dP_base, w the
 * policy's shift of a step in standard deviations and `noise` the one that leads along the path *under the base model*. With
 * `normalizer: "scalar"` or `"start"`, trajectory balance, mean (L_i - lambda R_i + log Z)^2. Paths are constants: they may come from anybody.
 *
 * **Converges to** the optimum of the discrete chain, where the loss is 0 in continuous time: with memoryless noise the tilt
 * p(x) exp(lambda r(x)) / Z. On-policy, half of the expected gradient is that of E[sum |w|^2 / 2 - lambda r], and its noise vanishes at the optimum.
 *
 * **Knobs** lambda is `rewardScale`, and nothing changes it. `behaviour: "base"` learns from base samples (few of them good where the
 * tilt is hard); `updatesPerRollout` with `replaySize` uses rollouts again, correctly.
 *
 * **Cost** a rollout of policy and base model, and a forward and backward of the policy a step; for replayed paths one forward more, and
 * 2 N d numbers a kept sample.
 *
 * **Pitfalls** squares of lambda R are large where lambda std(R) is far above 1: anneal the reward scale, or accept many clipped
 * gradients. `log_z` should settle; with `"start"` it may depend on the start, and the noise need not be memoryless, but then
 * neither is the law of the samples the tilt.
 */
export class LogVariance<D extends DiffusionData<D> = DDTensor, C extends object = NoConditioning> extends PolicyMethod<
  D,
  C
> {
  readonly name = "log-variance";
  protected readonly title = "Log-variance";
  private readonly steps: TransitionKernel;
  private readonly groupSize: number;
  private readonly behaviour: Behaviour;
  private readonly normalizer: Normalizer;
  private readonly numbers: {
    normalizerRate: number;
    startLearningRate: number;
    updatesPerRollout: number;
    replaySize: number;
  };
  private readonly scalar: ScalarNormalizer;
  private readonly start: StartNormalizer<D, C> | undefined;
  private readonly buffer: PathBuffer<D, C>;
  private readonly objectiveRule = new ObjectiveRule();

  /** @throws ArgumentError for an option out of range */
  constructor(options: LogVarianceOptions<D, C>) {
    const { behaviour = "policy", normalizer = "batch", startValue, groupSize = 0 } = options;
    const { normalizerRate = 0.1, startLearningRate = 1e-3, updatesPerRollout = 1, replaySize = 0 } = options;
    requireOneOf("behaviour", behaviour, ["policy", "base"]);
    requireOneOf("normalizer", normalizer, ["batch", "scalar", "start"]);
    requireAbove("normalizerRate", normalizerRate, 0);
    requireBetween("normalizerRate", normalizerRate, 0, 1);
    requireAbove("startLearningRate", startLearningRate, 0);
    requireCount("updatesPerRollout", updatesPerRollout);
    requireCount("replaySize", replaySize, 0);
    super(options, { iterations: 1000, batchSize: 256, updatesPerIteration: updatesPerRollout });
    if ((normalizer === "start") !== (startValue !== undefined)) {
      throw new ArgumentError(
        'normalizer: "start" and startValue, a network for -log Z of the starting state, go together.',
        "startValue",
        startValue,
      );
    }
    if (updatesPerRollout > 1 && replaySize === 0) {
      throw new ArgumentError(
        "updatesPerRollout above 1 replays paths: give replaySize, the number of rollouts to keep.",
        "replaySize",
        replaySize,
      );
    }
    this.steps = options.kernel ?? eulerMaruyamaKernel(this.environment.noiseSchedule);
    this.groupSize = groupSize;
    this.behaviour = behaviour;
    this.normalizer = normalizer;
    this.numbers = { normalizerRate, startLearningRate, updatesPerRollout, replaySize };
    this.scalar = new ScalarNormalizer(requireGroups(this.common.batchSize, groupSize), normalizerRate);
    this.start = startValue && new StartNormalizer(startValue, startLearningRate);
    const { environment, seed, conditioning } = this.common;
    this.buffer = new PathBuffer({ environment, kernel: this.steps, seed, conditioning, capacity: replaySize });
  }

  cite(): string {
    return citation;
  }

  protected override get kernel(): TransitionKernel {
    return this.steps;
  }

  protected *requirements(): Iterable<RequirementCheck> {
    yield needsStochasticKernel(this.environment, this.kernel);
    if (this.normalizer !== "start") {
      yield needsMemorylessKernel(this.kernel);
    }
  }

  protected async advance(signal: AbortSignal | undefined): Promise<Metrics> {
    await this.buffer.ready();
    const { policy, batchSize } = this.common;
    const rollout = await this.rollOutBatch(signal, {
      keep: ["outputs", "references"],
      policy: this.behaviour === "policy" ? policy : undefined,
    });
    this.buffer.add(rollout, (this.iteration + 1) * batchSize);
    const first = await this.descend(rollout, this.behaviour === "policy" ? rollout.outputs : undefined);
    let update = this.updateParameters();
    const stream = this.key("replay").fold(this.iteration).stream();
    for (let again = 1; again < this.numbers.updatesPerRollout; again++) {
      const { paths } = this.buffer;
      await this.descend(paths[stream.integer(0, paths.length)]!, undefined);
      const { grad_norm, learning_rate } = this.updateParameters();
      update = { grad_norm: Math.max(update.grad_norm, grad_norm), learning_rate };
    }
    const { rewardScale } = this.environment;
    // How far the policy has gone cannot be seen from paths that are not its own.
    const sampled: Metrics =
      this.behaviour === "policy"
        ? rolloutMetrics(rollout, rewardScale)
        : { ...rewardMetrics(rollout, rewardScale), state_max: rollout.stateMax };
    this.objectiveRule.check(this.iteration + 1, sampled.objective, { baseline: this.baseline, rewardScale });
    return {
      ...sampled,
      loss: first.loss,
      log_z: first.logZ,
      log_ratio_std: spread(first.values),
      ...update,
    };
  }

  protected settings(): { readonly [name: string]: Json } {
    const { groupSize, behaviour, normalizer } = this;
    return { groupSize, behaviour, normalizer, ...this.numbers, kernel: this.kernel.name };
  }

  protected override extraState(): ExtraState {
    const buffer = this.buffer.state();
    const start = this.start?.state();
    return {
      arrays: [...buffer.arrays, ...(start?.arrays ?? [])],
      values: {
        scalar: this.scalar.state(),
        buffer: buffer.values,
        objectives: this.objectiveRule.state(),
        ...start?.values,
      },
    };
  }

  protected override restoreExtra(
    arrays: ReadonlyMap<string, Float32Array>,
    { scalar, buffer, objectives, startStep }: { readonly [name: string]: Json },
  ): void {
    this.scalar.restore(scalar!);
    this.buffer.restore(arrays, buffer!);
    this.objectiveRule.restore(objectives!);
    this.start?.restore(arrays, startStep as number);
  }

  /**
   * Leaves the gradient of the loss on some paths in `policy.gradients`.
   * @param known the policy's outputs along the paths, where they are the policy's own
   */
  private async descend(paths: JudgedPaths<D, C>, known: readonly D[] | undefined): Promise<Residuals> {
    const { policy, rowsAtOnce } = this.common;
    const steps = paths.transitions.flatMap(({ isStochastic }, k) => (isStochastic ? [k] : []));
    const request = { policy, paths, steps, rowsAtOnce };
    const outputs = known === undefined ? await outputsAlong(request) : steps.map((k) => known[k]!);
    const excess = this.excess(paths, steps, outputs);
    const residuals = await this.residuals(paths, excess);
    const weights = steps.map(() => ({ score: residuals.slopes }));
    const mismatch = await backwardAlong({ ...request, outputs, weights });
    refuseStaleRollout(mismatch, this.iteration + 1);
    return residuals;
  }

  /** L_i - lambda R_i of each path. */
  private excess(
    { transitions, states, references, rewards }: JudgedPaths<D, C>,
    steps: readonly number[],
    outputs: readonly D[],
  ): Float64Array {
    const { rewardScale } = this.environment;
    const excess = Float64Array.from(rewards, (reward) => -rewardScale * reward);
    for (const [j, k] of steps.entries()) {
      const transition = transitions[k]!;
      const shift = transition.shift(outputs[j]!, references[k]!);
      const noise = transition.noise(states[k + 1]!, states[k]!, references[k]!);
      const along = shift.mul(noise).aggregate("sum");
      const squares = shift.squaredNorm();
      for (let i = 0; i < excess.length; i++) {
        excess[i]! += along[i]! - squares[i]! / 2;
      }
    }
    return excess;
  }

  private async residuals(
    { states, transitions, conditioning, valids }: JudgedPaths<D, C>,
    excess: Float64Array,
  ): Promise<Residuals> {
    if (this.normalizer === "batch") {
      return varianceResiduals(excess, valids, this.groupSize);
    }
    if (this.start === undefined) {
      const residuals = balanceResiduals(excess, valids, this.scalar.at(excess.length));
      this.scalar.follow(excess, valids);
      return residuals;
    }
    const time = transitions[0]!.from;
    const logZ = await this.start.at(states[0]!, time, conditioning);
    await this.start.fit(states[0]!, time, { conditioning, excess, valids });
    return balanceResiduals(excess, valids, logZ);
  }
}

function spread(values: Float64Array): number {
  return Math.sqrt(values.reduce((sum, value) => sum + value * value, 0) / Math.max(1, values.length));
}

const citation = `@inproceedings{richter2020vargrad,
  title = {VarGrad: A Low-Variance Gradient Estimator for Variational Inference},
  author = {Richter, Lorenz and Boustati, Ayman and N{\\"u}sken, Nikolas and Ruiz, Francisco and Akyildiz, Omer Deniz},
  booktitle = {Advances in Neural Information Processing Systems},
  year = {2020}
}
@inproceedings{malkin2022trajectory,
  title = {Trajectory Balance: Improved Credit Assignment in GFlowNets},
  author = {Malkin, Nikolay and Jain, Moksh and Bengio, Emmanuel and Sun, Chen and Bengio, Yoshua},
  booktitle = {Advances in Neural Information Processing Systems},
  year = {2022}
}`;
