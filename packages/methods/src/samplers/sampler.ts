import type { DiffusionData } from "@diffusiongym/core";
import type { Metrics } from "../method/index.js";
import type { DrawRequest, Endpoints } from "../sampling/index.js";

/** Samples, and what it took to get them. */
export interface SteeredEndpoints<D extends DiffusionData<D>, C extends object> extends Endpoints<D, C> {
  /** Numbers about the draw, by name; `reward_calls` and, where it is known, `model_calls` count judged states and states given to the base model. */
  readonly diagnostics: Metrics;
}

/**
 * A way to sample better ones from a model as it is: nothing is trained. Give it to `evaluate` as one of its `samplers`. Sample i is a
 * function of the seed and i, however many are drawn at once.
 */
export interface SteeredSampler<D extends DiffusionData<D>, C extends object> {
  /** Name for reports. */
  readonly name: string;
  /**
   * Draws samples with their rewards.
   * @throws RequirementError saying what the environment lacks, before anything is drawn
   */
  draw(request: DrawRequest<D, C>): Promise<SteeredEndpoints<D, C>>;
  /** BibTeX of the papers it comes from. */
  cite(): string;
}
