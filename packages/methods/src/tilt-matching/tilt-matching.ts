import type { DDTensor, DiffusionData, NoConditioning } from "@diffusiongym/core";
import type { BufferRows } from "../buffers/index.js";
import {
  chunksOf,
  PooledMethod,
  type PooledOptions,
  perRow,
  type RoundStart,
  resolveRounds,
  restartedCosine,
  stepReport,
  total,
  validMembers,
} from "../endpoint-regression/index.js";
import { type Json, type Metrics, requireOneOf, underPrefix, withPrefix } from "../method/index.js";
import type { TrainablePolicy } from "../policies/index.js";
import { logSumExp } from "../statistics/index.js";
import type { ExtraState, RequirementCheck } from "../training/index.js";
import { measureDrift } from "./drift.js";
import { explicitTarget, implicitTarget } from "./targets.js";

/** `"implicit"` is exact for steps of any size; `"explicit"` is a forward Euler step. */
export type TiltForm = "implicit" | "explicit";

/** Options of `TiltMatching`. */
export interface TiltMatchingOptions<D extends DiffusionData<D> = DDTensor, C extends object = NoConditioning>
  extends PooledOptions<D, C> {
  /** Implicit or explicit tilt matching. @default "implicit" */
  readonly form?: TiltForm;
}

/**
 * Tilt matching, implicit and explicit (arXiv 2512.21829; METHODS 1.14): climbs to lambda in `rounds` steps of h = lambda / rounds,
 * correcting the velocity of the last step by the reward of noised endpoints.
 *
 * **Needs** any reward and a policy; a frozen copy of the step before is kept. Any sampler, no SDE, no base model after the first
 * step.
 *
 * **Loss** |v_theta(x_t) - target|^2 on endpoints of the step before, noised afresh:
 * implicit: target = v_old + (w - 1) (u_c - sg v_theta), w = exp(h (r - c)), c such that w is 1 on average;
 * explicit: target = v_old + h (r - mean r) (u_c - v_old).
 *
 * **Converges to** implicit: v_old tilted by h, exactly for every h and every c, if v_old is the velocity of the endpoints that are
 * drawn. Where it is not, the error is inherited, v* + m / E[w]: each step adds the errors of its fit and repairs none. Explicit:
 * v_old + h Cov_old(r, u_c | x_t), which over-tilts at first order in h: 1.138, 1.064, 1.031 lambda in 4, 8, 16 steps on three modes.
 *
 * **Knobs** lambda is the environment's `rewardScale`, whatever the number of rounds. Small steps are quieter per sample, large steps
 * inherit less: rounds = ceil(|lambda| std_base(r)) (`rounds_suggested`), such that `ess_fraction` lies in [.3, .7]. One step is best
 * where the base model's samples have an effective share of .2 or more. Rewards are not divided by their deviation, which would make
 * lambda unknown.
 *
 * **Cost** basePoolSize + (rounds - 1) poolSize rewards; an iteration runs the old and the new policy forward (explicit: the old)
 * and one regression, on batchSize * noisings rows; a round, both once on its pool. Each round restarts the learning rate; the running average becomes v_old.
 *
 * **Pitfalls** a small pool that is regressed on for long is learned by heart. `weight_max` above 10: take more rounds. The mean reward
 * of a new pool must be `reward_expected` of the round before: `inherited_error`, in standard errors, is the alarm for errors that add
 * up; `PathWeightedTiltMatching` repairs them. `drift` says how much: by what share of its own change v_old misses the velocity of the
 * endpoints it has drawn.
 *
 * **Metrics** `lambda` (sum of h so far), `ess_fraction`, `weight_max`, `reward_expected`, `inherited_error`, `drift`,
 * `drift_error`, `rounds_suggested`.
 */
export class TiltMatching<
  D extends DiffusionData<D> = DDTensor,
  C extends object = NoConditioning,
> extends PooledMethod<D, C> {
  readonly name = "tilt-matching";
  protected readonly title = "Tilt matching";
  private readonly form: TiltForm;
  /** The policy of the step before, frozen. */
  private readonly old: TrainablePolicy<D, C>;
  private normalizers: Float64Array | undefined;

  /** @throws ArgumentError for an option out of range */
  constructor(options: TiltMatchingOptions<D, C>) {
    const { learningRate = 3e-3, form = "implicit", iterations = defaults.iterations } = options;
    const plan = resolveRounds(options, defaults);
    super(
      {
        ...options,
        learningRate: typeof learningRate === "number" ? restartedCosine(plan, learningRate, iterations) : learningRate,
      },
      defaults,
    );
    requireOneOf("form", form, ["implicit", "explicit"]);
    this.form = form;
    this.old = this.policy.withParameters(this.policy.parameters.clone());
  }

  cite(): string {
    return citation;
  }

  protected *requirements(): Iterable<RequirementCheck> {}

  protected async beginRound(round: number, signal: AbortSignal | undefined): Promise<RoundStart> {
    const { rewardScale } = this.environment;
    const { rounds, poolSize: n } = this.plan;
    if (round > 0) {
      const indexOffset = this.poolOffset(round);
      const endpoints = await this.drawPool({ n, indexOffset, adapted: true, signal });
      this.buffer.keepLast(0);
      this.buffer.add(endpoints, indexOffset);
      this.old.parameters.data.set(this.adapted.parameters.data);
    }
    const drift = round > 0 ? await this.measureDrift(signal) : {};
    this.normalizers = undefined;
    const { rewards, valids } = this.buffer.pools[0]!;
    const { conditions, step, summary: before } = this;
    const newest = this.newestMetrics();
    const level = (rewardScale * (round + 1)) / rounds;
    return {
      level,
      metrics: {
        ...newest,
        lambda: level,
        ...stepReport({ rewards, valids, step, conditions, before }),
        ...drift,
        rounds_suggested: before.rounds_suggested ?? Math.max(1, Math.ceil(Math.abs(rewardScale) * newest.reward_std!)),
      },
    };
  }

  /** Every valid endpoint alike: the weights are in the targets. */
  protected poolWeights(): ArrayLike<number> {
    return this.buffer.pools[0]!.valids;
  }

  protected async fit(rows: BufferRows<D, C>): Promise<{ loss: number }> {
    const { conditions, policy, step } = this;
    this.normalizers ??= this.normalize();
    const centred = Float64Array.from(
      rows.rewards,
      (reward, i) => step * reward - this.normalizers![rows.indices[i]! % conditions]!,
    );
    const factors = this.form === "implicit" ? centred.map(Math.exp) : centred;
    const loss = await this.regressRows(this.noise(rows), async (chunk) => {
      const { xt, t, conditioning, base, target: conditional } = chunk;
      const outputs = { old: await this.old.forward(xt, t, conditioning, base), conditional };
      const own = perRow(chunk, factors);
      return {
        targets:
          this.form === "implicit"
            ? implicitTarget(outputs, await policy.forward(xt, t, conditioning, base), own)
            : explicitTarget(outputs, own),
      };
    });
    return { loss };
  }

  protected settings(): { readonly [name: string]: Json } {
    return { ...this.roundSettings(), form: this.form };
  }

  protected override extraState(): ExtraState {
    const { arrays = [], ...rest } = super.extraState();
    return { ...rest, arrays: [...arrays, ...withPrefix("old", this.old.parameters.state())] };
  }

  protected override restoreExtra(
    arrays: ReadonlyMap<string, Float32Array>,
    values: { readonly [name: string]: Json },
  ): void {
    super.restoreExtra(arrays, values);
    this.old.parameters.restore(underPrefix("old", arrays));
    this.normalizers = undefined;
  }

  /** Of the new pool, noised otherwise than the rows of any iteration. */
  private measureDrift(signal: AbortSignal | undefined): Promise<Metrics> {
    const { baseModel: model } = this.environment;
    const { valids } = this.buffer.pools[0]!;
    const valid = Int32Array.from(Array.from(valids.keys()).filter((i) => valids[i] === 1));
    const rows = this.noise(this.buffer.take(valid), 1);
    return measureDrift({ model, old: this.old, chunks: chunksOf(rows, this.common.rowsAtOnce, model), signal });
  }

  /** h. */
  private get step(): number {
    return this.environment.rewardScale / this.plan.rounds;
  }

  /** For each condition h c = log mean exp(h r) (implicit), h mean r (explicit), over the pool. */
  private normalize(): Float64Array {
    const { conditions, step, form } = this;
    const { rewards, valids } = this.buffer.pools[0]!;
    return Float64Array.from({ length: conditions }, (_, condition) => {
      const members = validMembers(valids, condition, conditions);
      const exponents = Float64Array.from(members, (i) => step * rewards[i]!);
      return form === "implicit"
        ? logSumExp(exponents) - Math.log(exponents.length)
        : total(exponents) / Math.max(1, exponents.length);
    });
  }
}

const defaults = {
  iterations: 1200,
  batchSize: 512,
  learningRate: 3e-3,
  averageDecay: 0.995,
  solverSteps: 24,
  rounds: 1,
  roundIterations: (iterations: number, rounds: number): number => Math.floor(iterations / rounds),
};

const citation = `@article{potaptchik2025tilt,
  title = {Tilt Matching for Scalable Sampling and Fine-Tuning},
  author = {Potaptchik, Peter and Lee, Cheuk-Kit and Albergo, Michael S.},
  journal = {arXiv preprint arXiv:2512.21829},
  year = {2025}
}`;
