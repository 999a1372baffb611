import type { Parameters } from "../parameters/index.js";
import { integerPower, Optimizer, type OptimizerOptions, requireWithin } from "./optimizer.js";

/** Options of `Adam`. */
export interface AdamOptions extends OptimizerOptions {
  /** Decay of the running mean of gradients, in [0, 1). @default 0.9 */
  readonly beta1?: number;
  /** Decay of the running mean of squared gradients, in [0, 1). @default 0.999 */
  readonly beta2?: number;
  /** Added to the root of the second moment. @default 1e-8 */
  readonly epsilon?: number;
  /** Multiple of the parameters that is added to the gradients (L2 penalty, as PyTorch's `Adam`). @default 0 */
  readonly weightDecay?: number;
}

/**
 * Adam (Kingma and Ba, arXiv 1412.6980, algorithm 1), as PyTorch computes it:
 *
 *     m = beta1 m + (1 - beta1) g          v = beta2 v + (1 - beta2) g^2
 *     p = p - learningRate / (1 - beta1^k) * m / (sqrt(v / (1 - beta2^k)) + epsilon)         at update k = 1, 2, ...
 */
export class Adam extends Optimizer {
  readonly #beta1: number;
  readonly #beta2: number;
  readonly #epsilon: number;
  readonly #weightDecay: number;
  readonly #mean: Float32Array;
  readonly #square: Float32Array;

  constructor(parameters: Parameters, options: AdamOptions) {
    super(parameters, options);
    this.#beta1 = requireWithin("beta1", options.beta1 ?? 0.9, 0, 1);
    this.#beta2 = requireWithin("beta2", options.beta2 ?? 0.999, 0, 1);
    this.#epsilon = requireWithin("epsilon", options.epsilon ?? 1e-8, 0, Infinity);
    this.#weightDecay = requireWithin("weightDecay", options.weightDecay ?? 0, 0, Infinity);
    this.#mean = this.remember("mean");
    this.#square = this.remember("square");
  }

  override describe(): Readonly<Record<string, number | string | boolean>> {
    const settings = { beta1: this.#beta1, beta2: this.#beta2, epsilon: this.#epsilon, weightDecay: this.#weightDecay };
    return { kind: "Adam", ...settings };
  }

  protected apply(parameters: Float32Array, gradients: Float32Array, learningRate: number, step: number): void {
    this.descend({ parameters, gradients, learningRate, step, penalty: this.#weightDecay, shrink: 1 });
  }

  /** One pass; `penalty` p is added to each gradient, and p is multiplied by `shrink` first. */
  protected descend(pass: {
    readonly parameters: Float32Array;
    readonly gradients: Float32Array;
    readonly learningRate: number;
    readonly step: number;
    readonly penalty: number;
    readonly shrink: number;
  }): void {
    const { parameters, gradients, learningRate, step, penalty, shrink } = pass;
    const mean = this.#mean;
    const square = this.#square;
    const beta1 = this.#beta1;
    const beta2 = this.#beta2;
    const epsilon = this.#epsilon;
    const rate = learningRate / (1 - integerPower(beta1, step));
    const correction = 1 / Math.sqrt(1 - integerPower(beta2, step));
    for (let i = 0; i < parameters.length; i++) {
      const parameter = parameters[i]!;
      const gradient = gradients[i]! + penalty * parameter;
      const m = beta1 * mean[i]! + (1 - beta1) * gradient;
      const v = beta2 * square[i]! + (1 - beta2) * gradient * gradient;
      mean[i] = m;
      square[i] = v;
      parameters[i] = shrink * parameter - (rate * m) / (Math.sqrt(v) * correction + epsilon);
    }
  }

  /** The multiple of the parameters that decays. */
  protected get weightDecay(): number {
    return this.#weightDecay;
  }
}

/** Options of `AdamW`. */
export interface AdamWOptions extends Omit<AdamOptions, "weightDecay"> {
  /** Share of each parameter that is taken away in an update, times the learning rate. @default 0.01 */
  readonly weightDecay?: number;
}

/** Adam with decoupled weight decay (Loshchilov and Hutter, arXiv 1711.05101): p = (1 - learningRate weightDecay) p first. */
export class AdamW extends Adam {
  constructor(parameters: Parameters, options: AdamWOptions) {
    super(parameters, { ...options, weightDecay: options.weightDecay ?? 0.01 });
  }

  override describe(): Readonly<Record<string, number | string | boolean>> {
    return { ...super.describe(), kind: "AdamW" };
  }

  protected override apply(
    parameters: Float32Array,
    gradients: Float32Array,
    learningRate: number,
    step: number,
  ): void {
    const shrink = 1 - learningRate * this.weightDecay;
    this.descend({ parameters, gradients, learningRate, step, penalty: 0, shrink });
  }
}
