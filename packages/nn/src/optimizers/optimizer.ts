import { ArgumentError, IncompatibleError, NonFiniteError, ShapeError } from "@diffusiongym/core";
import { firstNonFinite } from "../finite/index.js";
import { type Parameters, requireSameLayout } from "../parameters/index.js";
import type { LearningRateSchedule } from "./schedules.js";

/** Everything an optimizer remembers between steps. */
export interface OptimizerState {
  /** Number of updates made. */
  readonly step: number;
  /** Running averages by name, each as long as all parameters together. */
  readonly arrays: ReadonlyMap<string, Float32Array>;
}

/** Options that every optimizer has. */
export interface OptimizerOptions {
  /** A number > 0, or a function of the number of updates made before. */
  readonly learningRate: number | LearningRateSchedule;
}

/**
 * Updates parameters in place, in one pass over their common array. A run that is stopped, saved with `state` and
 * continued with `restore` gives the same bits as one that was not.
 */
export abstract class Optimizer {
  /** What is updated. */
  readonly parameters: Parameters;
  readonly #learningRate: LearningRateSchedule;
  readonly #arrays = new Map<string, Float32Array>();
  #step = 0;
  #fitting: Parameters | undefined;

  protected constructor(parameters: Parameters, { learningRate }: OptimizerOptions) {
    this.parameters = parameters;
    this.#learningRate = typeof learningRate === "number" ? () => learningRate : learningRate;
    requireRate(this.#learningRate(0), 0);
  }

  /** Number of updates made. */
  get step(): number {
    return this.#step;
  }

  /** The learning rate of the next update. */
  get learningRate(): number {
    return this.learningRateAt(this.#step);
  }

  /** The learning rate of the update after `step` others. */
  learningRateAt(step: number): number {
    return requireRate(this.#learningRate(step), step);
  }

  /** Kind and settings, apart from the learning rate: what decides whether a saved run can be continued. */
  describe(): Readonly<Record<string, number | string | boolean>> {
    return { kind: this.constructor.name };
  }

  /**
   * One update.
   * @param gradients of the loss with respect to the parameters, with the same names, order and shapes
   * @throws NonFiniteError when a gradient is NaN or infinite; IncompatibleError or ShapeError when they do not fit.
   *   Nothing is changed then.
   */
  update(gradients: Parameters): void {
    if (gradients !== this.#fitting) {
      requireSameLayout(`${this.constructor.name}.update`, this.parameters, gradients);
      this.#fitting = gradients;
    }
    requireFinite(gradients);
    this.apply(this.parameters.data, gradients.data, this.learningRate, this.#step + 1);
    this.#step += 1;
  }

  /** A copy of everything that `restore` needs. */
  state(): OptimizerState {
    return { step: this.#step, arrays: new Map(Array.from(this.#arrays, ([name, data]) => [name, data.slice()])) };
  }

  /**
   * Goes on where `state` was taken.
   * @throws ArgumentError, IncompatibleError or ShapeError when the state is not of an optimizer of this kind over as many
   *   parameters. Nothing is changed then.
   */
  restore({ step, arrays }: OptimizerState): void {
    const kind = this.constructor.name;
    if (!Number.isSafeInteger(step) || step < 0) {
      throw new ArgumentError(`${kind}.restore: step must be a whole number >= 0, got ${step}.`, "step", step);
    }
    const needed = [...this.#arrays.keys()];
    if (needed.length !== arrays.size || needed.some((name) => !arrays.has(name))) {
      throw new IncompatibleError(
        `${kind}.restore: the state holds [${[...arrays.keys()].join(", ")}] and ${kind} needs [${needed.join(", ")}]; ` +
          "it was saved by an optimizer of another kind.",
      );
    }
    for (const [name, data] of this.#arrays) {
      const given = arrays.get(name)!.length;
      if (given !== data.length) {
        throw new ShapeError(
          `${kind}.restore: "${name}" has ${given} entries for ${data.length} parameters.`,
          [data.length],
          [given],
        );
      }
    }
    for (const [name, data] of this.#arrays) {
      data.set(arrays.get(name)!);
    }
    this.#step = step;
  }

  /** An array of zeros over all parameters, saved and restored under `name`. */
  protected remember(name: string): Float32Array {
    const data = new Float32Array(this.parameters.size);
    this.#arrays.set(name, data);
    return data;
  }

  /**
   * Updates `parameters` in place.
   * @param step number of this update, from 1
   */
  protected abstract apply(parameters: Float32Array, gradients: Float32Array, learningRate: number, step: number): void;
}

/**
 * Checks an option of an optimizer.
 * @throws ArgumentError unless low <= value < high
 */
export function requireWithin(name: string, value: number, low: number, high: number): number {
  if (!(value >= low && value < high)) {
    throw new ArgumentError(`${name} must be a number in [${low}, ${high}), got ${value}.`, name, value);
  }
  return value;
}

/** base^exponent for a whole exponent, in multiplications only: the same bits in every JavaScript engine. */
export function integerPower(base: number, exponent: number): number {
  let result = 1;
  let square = base;
  for (let rest = exponent; rest > 0; rest = Math.floor(rest / 2)) {
    if (rest % 2 === 1) {
      result *= square;
    }
    square *= square;
  }
  return result;
}

function requireRate(rate: number, step: number): number {
  if (!(rate >= 0 && rate < Infinity)) {
    throw new ArgumentError(
      `The learning rate must be finite and >= 0, got ${rate} at step ${step}.`,
      "learningRate",
      rate,
    );
  }
  return rate;
}

function requireFinite(gradients: Parameters): void {
  if (firstNonFinite(gradients.data) >= 0) {
    throw nonFinite(gradients);
  }
}

/** The error for gradients with a NaN or an infinity, naming the first parameter that has one. */
export function nonFinite(gradients: Parameters): NonFiniteError {
  for (const [name, { data }] of gradients) {
    const index = firstNonFinite(data);
    if (index >= 0) {
      return new NonFiniteError(
        `The gradient of "${name}" holds ${data[index]} at entry ${index}. The parameters were not changed; look at the loss ` +
          "of this step: non-finite inputs or targets, or a learning rate that is too large.",
        `gradient of ${name}`,
      );
    }
  }
  return new NonFiniteError("The norm of the gradients is not finite although each of them is.", "gradients");
}
