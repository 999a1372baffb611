import type { Parameters } from "../parameters/index.js";
import { Optimizer, type OptimizerOptions, requireWithin } from "./optimizer.js";

/** Options of `StochasticGradientDescent`. */
export interface StochasticGradientDescentOptions extends OptimizerOptions {
  /** Share of the last update's direction that is kept, in [0, 1). @default 0 */
  readonly momentum?: number;
  /** Look ahead along the momentum (Nesterov), as PyTorch does. @default false */
  readonly nesterov?: boolean;
  /** Multiple of the parameters that is added to the gradients (L2 penalty). @default 0 */
  readonly weightDecay?: number;
}

/** Gradient descent with momentum, as PyTorch's `SGD`: d = momentum d + g; p = p - learningRate d. */
export class StochasticGradientDescent extends Optimizer {
  readonly #momentum: number;
  readonly #nesterov: boolean;
  readonly #weightDecay: number;
  readonly #direction: Float32Array;

  constructor(parameters: Parameters, options: StochasticGradientDescentOptions) {
    super(parameters, options);
    this.#momentum = requireWithin("momentum", options.momentum ?? 0, 0, 1);
    this.#nesterov = options.nesterov ?? false;
    this.#weightDecay = requireWithin("weightDecay", options.weightDecay ?? 0, 0, Infinity);
    this.#direction = this.remember("direction");
  }

  override describe(): Readonly<Record<string, number | string | boolean>> {
    const settings = { momentum: this.#momentum, nesterov: this.#nesterov, weightDecay: this.#weightDecay };
    return { kind: "StochasticGradientDescent", ...settings };
  }

  protected apply(parameters: Float32Array, gradients: Float32Array, learningRate: number): void {
    const direction = this.#direction;
    const momentum = this.#momentum;
    const weightDecay = this.#weightDecay;
    const ahead = this.#nesterov ? momentum : 1;
    const now = this.#nesterov ? 1 : 0;
    for (let i = 0; i < parameters.length; i++) {
      const parameter = parameters[i]!;
      const gradient = gradients[i]! + weightDecay * parameter;
      const d = momentum * direction[i]! + gradient;
      direction[i] = d;
      parameters[i] = parameter - learningRate * (now * gradient + ahead * d);
    }
  }
}
