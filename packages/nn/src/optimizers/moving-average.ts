import { ArgumentError } from "@diffusiongym/core";
import { type Parameters, requireSameLayout } from "../parameters/index.js";
import { type OptimizerState, requireWithin } from "./optimizer.js";

/** Options of `ExponentialMovingAverage`. */
export interface ExponentialMovingAverageOptions {
  /** Share of the old average that is kept in an update, in [0, 1). */
  readonly decay: number;
  /**
   * Forget the start faster: the decay of update k is min(decay, k / (k + 9)), so that the average is never dominated
   * by parameters from before training.
   * @default false
   */
  readonly warmup?: boolean;
}

/**
 * Running average of parameters, average = decay average + (1 - decay) parameters, which samples better than the last
 * iterate. Starts at the parameters it is made with.
 */
export class ExponentialMovingAverage {
  /** The average: a network can run on it as on any other parameters. */
  readonly parameters: Parameters;
  readonly #decay: number;
  readonly #warmup: boolean;
  #step = 0;
  #fitting: Parameters | undefined;

  constructor(parameters: Parameters, { decay, warmup = false }: ExponentialMovingAverageOptions) {
    this.parameters = parameters.clone();
    this.#decay = requireWithin("decay", decay, 0, 1);
    this.#warmup = warmup;
  }

  /** Number of updates made. */
  get step(): number {
    return this.#step;
  }

  /**
   * Takes in the parameters after a training step.
   * @throws IncompatibleError or ShapeError when they are of another network
   */
  update(parameters: Parameters): void {
    if (parameters !== this.#fitting) {
      requireSameLayout("ExponentialMovingAverage.update", this.parameters, parameters);
      this.#fitting = parameters;
    }
    this.#step += 1;
    const decay = this.#warmup ? Math.min(this.#decay, this.#step / (this.#step + 9)) : this.#decay;
    const average = this.parameters.data;
    const { data } = parameters;
    for (let i = 0; i < average.length; i++) {
      average[i] = average[i]! + (1 - decay) * (data[i]! - average[i]!);
    }
  }

  /** A copy of everything that `restore` needs. */
  state(): OptimizerState {
    return { step: this.#step, arrays: this.parameters.state() };
  }

  /** Goes on where `state` was taken. @throws as `Parameters.restore`, and changes nothing then */
  restore({ step, arrays }: OptimizerState): void {
    if (!Number.isSafeInteger(step) || step < 0) {
      throw new ArgumentError(
        `ExponentialMovingAverage.restore: step must be a whole number >= 0, got ${step}.`,
        "step",
        step,
      );
    }
    this.parameters.restore(arrays);
    this.#step = step;
  }
}
