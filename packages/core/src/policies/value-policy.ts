import type { NoConditioning } from "../conditioning/index.js";
import { type DDTensor, type DiffusionData, requireBatch } from "../data/index.js";
import { ArgumentError } from "../errors/index.js";
import type { MaybePromise } from "../models/index.js";
import type { SchedulerLike } from "../schedulers/index.js";
import type { ControlPolicy, PolicyStep } from "./policy.js";

/** The optimal cost to go V(x, t) = -log E[exp(lambda r(X_1)) | X_t = x], or an approximation of it. */
export interface ValueFunction<D extends DiffusionData<D> = DDTensor, C extends object = NoConditioning> {
  /** V at (x, t); shape [n]. */
  value(x: D, t: Float32Array, conditioning: C): MaybePromise<Float32Array>;
  /** Gradient of the sum of V over the batch with respect to x, which is each sample's own gradient. */
  gradient(x: D, t: Float32Array, conditioning: C): MaybePromise<D>;
}

/** Options of `ValuePolicy`. */
export interface ValuePolicyOptions<D extends DiffusionData<D>, C extends object> {
  /** The value function whose descent is the control. */
  readonly value: ValueFunction<D, C>;
  /** The base model's scheduler, which gives sigma. */
  readonly scheduler: SchedulerLike;
  /**
   * Evaluate the gradient where the base step would lead, at (x + dt b, t + dt). Right for a value learned on-policy on
   * the same grid (it is the cost to go of the discrete chain); wrong, by 8 to 33 %, for a value of the continuous
   * process such as an exact one (METHODS 1.1, 6.1).
   * @default false
   */
  readonly lookAhead?: boolean;
}

/** The greedy control of a value function: u = -sigma grad V, with the memoryless sigma. METHODS 0.3. */
export class ValuePolicy<D extends DiffusionData<D> = DDTensor, C extends object = NoConditioning>
  implements ControlPolicy<D, C>
{
  readonly value: ValueFunction<D, C>;
  readonly scheduler: SchedulerLike;
  readonly lookAhead: boolean;

  constructor(options: ValuePolicyOptions<D, C>) {
    this.value = options.value;
    this.scheduler = options.scheduler;
    this.lookAhead = options.lookAhead ?? false;
  }

  /** @throws ArgumentError when look-ahead is on and the step has no length */
  async control(x: D, t: Float32Array, conditioning: C, step?: PolicyStep<D>): Promise<D> {
    const [at, times] = this.lookAhead ? await stepAhead(x, t, step) : [x, t];
    const gradient = await this.value.gradient(at, times, conditioning);
    requireBatch(gradient, "The value function's gradient");
    return gradient.scale(this.scheduler.evaluateBatch((scheduler, time) => -scheduler.sigmaMemoryless(time), t));
  }
}

async function stepAhead<D extends DiffusionData<D>>(
  x: D,
  t: Float32Array,
  step: PolicyStep<D> | undefined,
): Promise<[D, Float32Array]> {
  if (step?.dt === undefined) {
    throw new ArgumentError(
      "ValuePolicy with lookAhead needs the length of the step; ask for the control inside a rollout, or set lookAhead: false.",
      "step",
      step,
    );
  }
  const { dt } = step;
  return [x.linearCombination(1, [[dt, await step.baseDrift()]]), t.map((time) => time + dt)];
}
