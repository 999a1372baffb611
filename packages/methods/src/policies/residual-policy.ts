import {
  type BaseModel,
  type DDTensor,
  type DiffusionData,
  IncompatibleError,
  type MaybePromise,
  type NoConditioning,
} from "@diffusiongym/core";
import type { NetworkModel, Parameters } from "@diffusiongym/nn";
import { fingerprint, type Json, requireOneOf } from "../method/index.js";
import { timesPerSample } from "../rows/index.js";
import { isDifferentiableModel } from "./differentiable-model.js";
import type { BaseOutputSource, PolicyCotangents, PolicyRegression, TrainablePolicy } from "./trainable-policy.js";

/** c(t) in out = base + c(t) net: 1, or 1 - t, which keeps the control finite towards t = 1 (METHODS 1.13). */
export type ResidualScale = "one" | "one-minus-t";

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
  readonly #scale: ResidualScale;

  /** @throws ArgumentError for an unknown scale */
  constructor({ base, correction, scale = "one" }: ResidualPolicyOptions<D, C>) {
    requireOneOf("scale", scale, ["one", "one-minus-t"]);
    this.#base = base;
    this.#correction = correction;
    this.#scale = scale;
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
    const inverse = scale.map((c) => (c === 0 ? 0 : 1 / c));
    // w |base + c net - target|^2 = w c^2 |net - (target - base) / c|^2.
    const { loss, output } = await this.#correction.regress({
      x,
      t,
      conditioning,
      targets: targets.linearCombination(inverse, [[inverse.map((c) => -c), base]]),
      weights: timesPerSample(
        weights,
        scale.map((c) => c * c),
      ),
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
      scale: this.#scale,
    });
  }

  describe(): Json {
    return { kind: "residual", scale: this.#scale, network: fingerprint(this.#correction.network.graph.nodes) };
  }

  #baseOutput({ x, t, conditioning, reference }: PolicyCotangents<D, C> | PolicyRegression<D, C>): MaybePromise<D> {
    return reference ?? this.#base.forward(x, t, conditioning);
  }

  #add(base: D, correction: D, t: Float32Array): D {
    return base.linearCombination(1, [[this.#scaleAt(t), correction]]);
  }

  #scaleAt(t: Float32Array): Float64Array {
    return Float64Array.from(t, (time) => (this.#scale === "one" ? 1 : 1 - time));
  }
}
