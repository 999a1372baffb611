import {
  type BaseModel,
  type Coefficient,
  type DDTensor,
  type DiffusionData,
  IncompatibleError,
  type MaybePromise,
  type NoConditioning,
  type OutputType,
  type SchedulerFunction,
} from "@diffusiongym/core";
import type { NetworkModel, Parameters } from "@diffusiongym/nn";
import { fingerprint, type Json, requireOneOf } from "../method/index.js";
import { combineCoefficients } from "../rows/index.js";
import { isDifferentiableModel } from "./differentiable-model.js";
import type { BaseOutputSource, PolicyCotangents, PolicyRegression, TrainablePolicy } from "./trainable-policy.js";

/** The scales of a {@link ResidualPolicy}, by name. */
export const residualScales = ["one", "one-minus-t", "value-gradient"] as const;

/**
 * c(t) in out = base + c(t) net: 1; 1 - t, which keeps the control of velocities finite towards t = 1 (METHODS 1.13); or what makes
 * the network minus the gradient of the value function over alpha, whatever the output type, finite at both ends of any path: beta W
 * for velocities (1 - t on the linear path), beta^2 for endpoints, -alpha beta for epsilons, alpha for scores.
 */
export type ResidualScale = (typeof residualScales)[number];

/** Options of `ResidualPolicy`. */
export interface ResidualPolicyOptions<D extends DiffusionData<D>, C extends object> {
  /** The frozen base model, of any kind. */
  readonly base: BaseModel<D, C>;
  /** The network that is added; start it at 0 (a last layer of zeros), so that training starts at the base model. */
  readonly correction: NetworkModel<D, C>;
  /** What the network is multiplied with. @default "one" */
  readonly scale?: ResidualScale;
}

/**
 * out = base(x, t) + c(t) net(x, t): a policy over any base model, exact toys without parameters included. Only the network
 * is trained; the base model is run forward.
 */
export class ResidualPolicy<D extends DiffusionData<D> = DDTensor, C extends object = NoConditioning>
  implements TrainablePolicy<D, C>
{
  readonly #base: BaseModel<D, C>;
  readonly #correction: NetworkModel<D, C>;
  /** What the network is multiplied with. */
  readonly scale: ResidualScale;

  /** @throws ArgumentError for an unknown scale */
  constructor({ base, correction, scale = "one" }: ResidualPolicyOptions<D, C>) {
    requireOneOf("scale", scale, residualScales);
    this.#base = base;
    this.#correction = correction;
    this.scale = scale;
  }

  get outputType() {
    return this.#base.outputType;
  }

  get parameters(): Parameters {
    return this.#correction.network.parameters;
  }

  get gradients(): Parameters {
    return this.#correction.network.gradients;
  }

  async forward(x: D, t: Float32Array, conditioning: C, step?: BaseOutputSource<D>): Promise<D> {
    const base = await (step?.baseOutput() ?? this.#base.forward(x, t, conditioning));
    return this.#add(base, await this.#correction.forward(x, t, conditioning), t);
  }

  async regress(batch: PolicyRegression<D, C>): Promise<{ loss: number; output: D }> {
    const { x, t, conditioning, targets, weights, accumulate = false } = batch;
    const base = await this.#baseOutput(batch);
    const scale = this.#scaleAt(t);
    const inverse = combineCoefficients([scale], (c) => (c === 0 ? 0 : 1 / c));
    const minusInverse = combineCoefficients([inverse], (c) => -c);
    // w |base + c net - target|^2 = w c^2 |net - (target - base) / c|^2.
    const { loss, output } = await this.#correction.regress({
      x,
      t,
      conditioning,
      targets: targets.linearCombination(inverse, [[minusInverse, base]]),
      weights: combineCoefficients([weights, scale], (weight, c) => weight * (c * c)),
      reduction: "sum",
      accumulate,
    });
    return { loss, output: this.#add(base, output, t) };
  }

  async backward(batch: PolicyCotangents<D, C>): Promise<{ output: D }> {
    const { x, t, conditioning, cotangents, accumulate = false } = batch;
    const { output } = await this.#correction.backward({
      x,
      t,
      conditioning,
      cotangents: cotangents.scale(this.#scaleAt(t)),
      accumulate,
    });
    return { output: this.#add(await this.#baseOutput(batch), output, t) };
  }

  get isDifferentiable(): boolean {
    return isDifferentiableModel(this.#base);
  }

  /** @throws IncompatibleError when the base model is not differentiable */
  async vjp(batch: PolicyCotangents<D, C>): Promise<{ output: D; gradient: D }> {
    const { x, t, conditioning, cotangents } = batch;
    if (!isDifferentiableModel(this.#base)) {
      throw new IncompatibleError(
        "ResidualPolicy.vjp: the base model has no vjp, so gradients cannot pass through it. Give it one, or use a network model.",
      );
    }
    const below = await this.#base.vjp({ x, t, conditioning, cotangents });
    const scaled = cotangents.scale(this.#scaleAt(t));
    const above = await this.#correction.vjp({ x, t, conditioning, cotangents: scaled });
    return {
      output: this.#add(below.output, above.output, t),
      gradient: below.gradient.linearCombination(1, [[1, above.gradient]]),
    };
  }

  withParameters(parameters: Parameters): ResidualPolicy<D, C> {
    const network = this.#correction.network.withParameters(parameters);
    return new ResidualPolicy({
      base: this.#base,
      correction: this.#correction.withNetwork(network),
      scale: this.scale,
    });
  }

  describe(): Json {
    return { kind: "residual", scale: this.scale, network: fingerprint(this.#correction.network.graph.nodes) };
  }

  #baseOutput({ x, t, conditioning, reference }: PolicyCotangents<D, C> | PolicyRegression<D, C>): MaybePromise<D> {
    return reference ?? this.#base.forward(x, t, conditioning);
  }

  #add(base: D, correction: D, t: Float32Array): D {
    return base.linearCombination(1, [[this.#scaleAt(t), correction]]);
  }

  #scaleAt(t: Float32Array): Coefficient {
    if (this.scale === "value-gradient") {
      const factor = gradientFactors[this.outputType];
      return this.#base.scheduler.evaluateBatch(factor, t);
    }
    return Float64Array.from(t, (time) => (this.scale === "one" ? 1 : 1 - time));
  }
}

/** -alpha d out / d (grad V): v - eta grad V, D - beta^2 / alpha grad V, epsilon + beta grad V, s - grad V (METHODS 0.3). */
const gradientFactors: Record<OutputType, SchedulerFunction> = {
  // beta W is alpha eta; W may be infinite at t = 1, and eta is at t = 0.
  velocity: (path, t) => (t < 0.5 ? path.beta(t) * path.wronskian(t) : path.alpha(t) * path.eta(t)),
  endpoint: (path, t) => path.beta(t) ** 2,
  epsilon: (path, t) => -path.alpha(t) * path.beta(t),
  score: (path, t) => path.alpha(t),
};
