import {
  allValid,
  DDTensor,
  type DifferentiableReward,
  type NoConditioning,
  type Reward,
  type RewardGradient,
  type RewardResult,
  Tensor,
} from "@diffusiongym/core";
import type { RewardForm } from "../forms/index.js";

/**
 * A reward of points `[n, d]` with known exponential moments, so that the exact answer to the adaptation is known too.
 * The same object serves any number of coordinates d that its options allow.
 */
export abstract class ToyReward implements Reward<DDTensor, NoConditioning> {
  readonly #forms = new Map<number, RewardForm>();

  /** The reward as a function on R^d. */
  protected abstract makeForm(dimension: number): RewardForm;

  /**
   * The reward on R^d with its exact moments, for `ExactTilt`.
   * @throws ShapeError when an option has another number of coordinates
   */
  form(dimension: number): RewardForm {
    let form = this.#forms.get(dimension);
    if (form === undefined) {
      form = this.makeForm(dimension);
      this.#forms.set(dimension, form);
    }
    return form;
  }

  /** r of each sample; every point can be judged. */
  evaluate(sample: DDTensor): RewardResult {
    const d = coordinates(sample);
    const form = this.form(d);
    const rewards = Float32Array.from({ length: sample.length }, (_, i) => form.value(sample.data, i * d));
    return { rewards, valids: allValid(sample.length) };
  }
}

/** A toy reward with a gradient. */
export abstract class SmoothToyReward extends ToyReward implements DifferentiableReward<DDTensor, NoConditioning> {
  /** r of each sample and its gradient. */
  gradient(sample: DDTensor): RewardGradient<DDTensor> {
    const d = coordinates(sample);
    const form = this.form(d);
    const out = new Float32Array(sample.data.length);
    const row = new Float64Array(d);
    for (let i = 0; i < sample.length; i++) {
      form.gradient(sample.data, i * d, row);
      out.set(row, i * d);
    }
    return { ...this.evaluate(sample), gradient: new DDTensor(new Tensor(out, sample.shape)) };
  }
}

function coordinates(sample: DDTensor): number {
  return sample.sampleShape.reduce((product, axis) => product * axis, 1);
}
