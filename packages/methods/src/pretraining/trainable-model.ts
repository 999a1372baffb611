import type { BaseModel, DiffusionData } from "@diffusiongym/core";
import type { OutputRegression, Parameters } from "@diffusiongym/nn";

/** A base model whose output can be fitted: `NetworkModel` of `@diffusiongym/nn` is one. */
export interface TrainableModel<D extends DiffusionData<D>, C extends object> extends BaseModel<D, C> {
  readonly network: {
    /** What is trained. */
    readonly parameters: Parameters;
    /** Where `regress` leaves the gradients. */
    readonly gradients: Parameters;
    /** What is computed, where that can be said; a checkpoint is only taken up by a model that computes the same. */
    readonly graph?: { readonly nodes: readonly unknown[] };
  };
  /** Computes sum_i w_i mean_j (output_ij - target_ij)^2 and leaves its gradient in `network.gradients`. */
  regress(batch: OutputRegression<D, C>): Promise<{ readonly loss: number }>;
}
