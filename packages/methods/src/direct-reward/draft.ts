import {
  ArgumentError,
  type DDTensor,
  type DiffusionData,
  type NoConditioning,
  type Scheduler,
  throwIfAborted,
} from "@diffusiongym/core";
import { meanPairwiseDistance } from "../evaluation/index.js";
import { eulerMaruyamaKernel, type TransitionKernel } from "../kernels/index.js";
import type { Json, Metrics } from "../method/index.js";
import { type DifferentiableModel, isDifferentiableModel } from "../policies/index.js";
import { judge, type Rollout, rewardGradient } from "../sampling/index.js";
import {
  needsDifferentiableModel,
  needsDifferentiablePolicy,
  needsDifferentiablePostprocess,
  needsDifferentiableReward,
  PolicyMethod,
  type PolicyMethodDefaults,
  type PolicyMethodOptions,
  type RequirementCheck,
  requireCount,
  rolloutMetrics,
} from "../training/index.js";
import { directRewardCitations } from "./citations.js";
import { truncatedGradient } from "./truncated-gradient.js";

/** Options of `Draft`. */
export interface DraftOptions<D extends DiffusionData<D> = DDTensor, C extends object = NoConditioning>
  extends PolicyMethodOptions<D, C> {
  /**
   * Last steps that gradients pass through: K, all of them, or a number drawn evenly from 1 ... N for each iteration.
   * @default 1
   */
  readonly truncation?: number | "all" | "random";
  /**
   * Factor of the path KL over these steps in the loss. With `truncation: "all"` and 1 the loss is the whole cost of the
   * control problem and its gradient exact; 0 leaves the policy without an anchor.
   * @default 0
   */
  readonly klWeight?: number;
  /** Fresh noisings of the end state to the last step's time, over which that step's gradient is averaged; 0 for none. @default 0 */
  readonly noisings?: number;
  /** How steps are taken; `ancestralKernel({ varsigma: 0 })` is DDIM. @default Euler-Maruyama with the environment's noise */
  readonly kernel?: TransitionKernel;
}

/**
 * DRaFT-K (Clark et al., arXiv 2309.17400; METHODS 1.6): follows the reward's gradient back through the last K steps of the
 * sampler into the policy.
 *
 * **Needs** a differentiable reward; for K > 1 a policy that is differentiable with respect to the state. Any sampler.
 *
 * **Loss** mean of -lambda r(x_N) + klWeight sum of 1/2 |w_k|^2 over the last K steps, states before them held constant.
 *
 * **Converges to** nothing but the largest reward: without an anchor the samples leave the data, so the run stops itself at
 * `maxKlPath`, 100 by default. With `truncation: "all"` and `klWeight: 1` under memoryless noise it is the control problem
 * itself, whose solution is the tilt: exact, expensive, and an oracle for other methods.
 *
 * **Knobs** small K favours details over structure. lambda only scales the gradient when `klWeight` is 0.
 *
 * **Cost** a rollout, and K times a backward pass (two for K > 1); every state is stored, one network is in memory at a time.
 *
 * **Pitfalls** reward hacking: watch `diversity` and held-out rewards. Gradients explode for large K (they are clipped).
 */
export class Draft<D extends DiffusionData<D> = DDTensor, C extends object = NoConditioning> extends PolicyMethod<
  D,
  C
> {
  readonly name: string = "draft";
  protected readonly title: string = "DRaFT";
  private readonly truncation: number | "all" | "random";
  private readonly klWeight: number;
  private readonly noisings: number;
  private readonly steps: TransitionKernel;

  /** @throws ArgumentError for an option out of range */
  constructor(options: DraftOptions<D, C>, defaults: Partial<PolicyMethodDefaults> = {}) {
    super(options, { iterations: 500, batchSize: 64, maxKlPath: 100, ...defaults });
    const { truncation = 1, klWeight = 0, noisings = 0, kernel } = options;
    const { steps } = this.environment;
    if (truncation !== "all" && truncation !== "random") {
      requireCount("truncation", truncation);
      if (truncation > steps) {
        throw new ArgumentError(
          `truncation is ${truncation} but the environment has ${steps} steps; give fewer, or "all".`,
          "truncation",
          truncation,
        );
      }
    }
    requireCount("noisings", noisings, 0);
    if (!(klWeight >= 0 && klWeight < Number.POSITIVE_INFINITY)) {
      throw new ArgumentError(`klWeight must be finite and >= 0, got ${klWeight}.`, "klWeight", klWeight);
    }
    if (noisings > 0 && (truncation !== 1 || klWeight > 0)) {
      throw new ArgumentError(
        "noisings averages the gradient of the last step only: give it with truncation: 1 and klWeight: 0.",
        "noisings",
        noisings,
      );
    }
    this.truncation = truncation;
    this.klWeight = klWeight;
    this.noisings = noisings;
    this.steps = kernel ?? eulerMaruyamaKernel(this.environment.noiseSchedule);
  }

  cite(): string {
    return directRewardCitations.draft;
  }

  protected override get kernel(): TransitionKernel {
    return this.steps;
  }

  protected *requirements(): Iterable<RequirementCheck> {
    const { environment, policy, conditioning } = this.common;
    yield needsDifferentiableReward(environment);
    yield needsDifferentiablePostprocess(environment, conditioning);
    if (this.truncation !== 1) {
      yield needsDifferentiablePolicy(policy);
      yield this.klWeight > 0 ? needsDifferentiableModel(environment) : undefined;
    }
  }

  protected async advance(signal: AbortSignal | undefined): Promise<Metrics> {
    const { environment, policy } = this.common;
    const { rewardScale, baseModel } = environment;
    const rollout = await this.rollOutBatch(signal, {
      keep: this.klWeight > 0 ? ["outputs", "references"] : ["references"],
    });
    const steps = this.stepsOf(rollout);
    const shares = this.sharesOf(rollout.valids);
    let value = 0;
    if (this.noisings > 0) {
      value = await this.lastStepAgain(rollout, signal);
    } else {
      const gradient = await rewardGradient(environment, rollout);
      await truncatedGradient({
        policy,
        rollout,
        terminal: gradient.scale(shares.map((share) => -rewardScale * share)),
        steps,
        klShares: this.klWeight > 0 ? shares.map((share) => this.klWeight * share) : undefined,
        base: isDifferentiableModel(baseModel) ? (baseModel as DifferentiableModel<D, C>) : undefined,
        signal,
      });
      value = inner(rollout.rewards, shares);
    }
    const cost = this.klWeight === 0 ? 0 : this.klWeight * this.klOfLast(rollout, steps, shares);
    const stream = this.key("diversity").fold(this.iteration).stream();
    const diversity = meanPairwiseDistance(rollout.sample, stream)?.mean;
    return {
      ...rolloutMetrics(rollout, rewardScale),
      loss: cost - rewardScale * value,
      ...this.updateParameters(),
      truncation: steps,
      ...(diversity !== undefined && { diversity }),
    };
  }

  protected settings(): { readonly [name: string]: Json } {
    const { truncation, klWeight, noisings, kernel } = this;
    return { truncation, klWeight, noisings, kernel: kernel.name };
  }

  private stepsOf({ transitions }: Rollout<D, C>): number {
    if (this.truncation === "all") {
      return transitions.length;
    }
    return this.truncation === "random"
      ? this.key("truncation")
          .fold(this.iteration)
          .stream()
          .integer(1, transitions.length + 1)
      : this.truncation;
  }

  /** What each sample counts in a mean over the valid ones. */
  private sharesOf(valids: Uint8Array): Float32Array {
    const valid = valids.reduce((sum, flag) => sum + flag, 0);
    return Float32Array.from(valids, (flag) => flag / Math.max(1, valid));
  }

  private klOfLast({ klSteps }: Rollout<D, C>, steps: number, shares: Float32Array): number {
    return klSteps.slice(-steps).reduce((sum, costs) => sum + inner(costs, shares), 0);
  }

  /** The last step from fresh noisings of x_N: less variance for the price of a step. @returns the mean reward */
  private async lastStepAgain(rollout: Rollout<D, C>, signal: AbortSignal | undefined): Promise<number> {
    const { environment, policy, batchSize: n } = this.common;
    const { latent, conditioning } = rollout;
    const transition = rollout.transitions.at(-1)!;
    const t = new Float32Array(n).fill(transition.from);
    const at = (f: (scheduler: Scheduler, time: number) => number) =>
      environment.scheduler.evaluate(f, transition.from);
    let value = 0;
    const parts: { readonly x: D; readonly cotangents: D }[] = [];
    for (let draw = 0; draw < this.noisings; draw++) {
      throwIfAborted(signal, "Sampling");
      const key = this.key("noisings").fold(this.iteration).fold(draw);
      const x = latent.linearCombination(
        at((scheduler, time) => scheduler.alpha(time)),
        [[at((scheduler, time) => scheduler.beta(time)), latent.randnLike(key.fold("back").streams())]],
      );
      const output = await policy.forward(x, t, conditioning);
      const next = transition.sample(x, output, x.randnLike(key.fold("step").streams()));
      const judged = await judge(environment, next, conditioning);
      const shares = this.sharesOf(judged.valids).map((share) => share / this.noisings);
      const gradient = await rewardGradient(environment, judged);
      const pull = gradient.scale(shares.map((share) => -environment.rewardScale * share));
      parts.push({ x, cotangents: pull.scale(transition.output) });
      value += inner(judged.rewards, shares);
    }
    for (const [index, { x, cotangents }] of parts.entries()) {
      await policy.backward({ x, t, conditioning, cotangents, accumulate: index > 0 });
    }
    return value;
  }
}

function inner(values: Float32Array, shares: Float32Array): number {
  return values.reduce((sum, value, i) => sum + value * shares[i]!, 0);
}
