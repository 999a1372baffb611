import type { DDTensor, DiffusionData, NoConditioning } from "@diffusiongym/core";
import type { NetworkModel, Parameters } from "@diffusiongym/nn";
import { fingerprint, type Json } from "../method/index.js";
import type { PolicyCotangents, PolicyRegression, TrainablePolicy } from "./trainable-policy.js";

/**
 * A network model as a policy: all of its trainable parameters are trained, whether these are a full copy of the base model's
 * (`ModelPolicy.copyOf(baseModel)`) or LoRA's.
 */
export class ModelPolicy<D extends DiffusionData<D> = DDTensor, C extends object = NoConditioning>
  implements TrainablePolicy<D, C>
{
  /** @param model held, not copied: the frozen base model must be another */
  constructor(readonly model: NetworkModel<D, C>) {}

  /** A policy that starts as a copy of a network model and leaves it as it is. */
  static copyOf<D extends DiffusionData<D>, C extends object>(model: NetworkModel<D, C>): ModelPolicy<D, C> {
    return new ModelPolicy(model.withNetwork(model.network.clone()));
  }

  get outputType() {
    return this.model.outputType;
  }

  get parameters(): Parameters {
    return this.model.network.parameters;
  }

  get gradients(): Parameters {
    return this.model.network.gradients;
  }

  get isDifferentiable(): boolean {
    return true;
  }

  forward(x: D, t: Float32Array, conditioning: C): Promise<D> {
    return this.model.forward(x, t, conditioning);
  }

  async regress({ reference: _, ...batch }: PolicyRegression<D, C>): Promise<{ loss: number; output: D }> {
    return this.model.regress({ ...batch, reduction: "sum" });
  }

  async backward({ reference: _, ...batch }: PolicyCotangents<D, C>): Promise<{ output: D }> {
    return this.model.backward(batch);
  }

  async vjp({ reference: _, ...batch }: PolicyCotangents<D, C>): Promise<{ output: D; gradient: D }> {
    return this.model.vjp(batch);
  }

  withParameters(parameters: Parameters): ModelPolicy<D, C> {
    return new ModelPolicy(this.model.withNetwork(this.model.network.withParameters(parameters)));
  }

  describe(): Json {
    return { kind: "model", network: fingerprint(this.model.network.graph.nodes) };
  }
}
