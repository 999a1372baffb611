import type { ControlPolicy, DiffusionData, Environment, ValueFunction } from "@diffusiongym/core";
import type { Method } from "../method/index.js";
import type { TrainablePolicy } from "../policies/index.js";
import type { SteeredSampler } from "../samplers/index.js";
import type { TrainableValue } from "../value-matching/index.js";
import type { Knobs, KnobValues } from "./knob.js";

/** What a method is made of, made on demand: a value network is only asked for by methods that train one. */
export interface MethodParts<D extends DiffusionData<D>, C extends object> {
  readonly environment: Environment<D, C>;
  readonly seed: number;
  /** A policy that starts at the base model. */
  policy(): Promise<TrainablePolicy<D, C>>;
  /** A value network that starts at 0; another one for every name. */
  value(name: string): Promise<TrainableValue<D, C>>;
}

/** Who samples after training: the adapted model as a policy or a control, or a sampler of its own. */
export type AdaptedBy<D extends DiffusionData<D>, C extends object> =
  | { readonly kind: "policy"; readonly policy: TrainablePolicy<D, C> }
  | { readonly kind: "control"; readonly controlPolicy: ControlPolicy<D, C> }
  | { readonly kind: "sampler"; readonly sampler: SteeredSampler<D, C> };

/** A method that is ready to run. */
export interface MadeMethod<D extends DiffusionData<D>, C extends object> {
  /** What to train; undefined where nothing is. */
  readonly method?: Method;
  readonly adapted: AdaptedBy<D, C>;
  /** The value function that is learned, where one is. */
  readonly value?: ValueFunction<D, C>;
}

/** What is trained: a policy, a value function, or nothing. */
export type TrainedPart = "policy" | "value" | "nothing";

/** A method as data, for lists, forms and command lines. */
export interface CatalogueEntry {
  /** Kebab-case, the `name` of the method itself. */
  readonly name: string;
  /** The name in a sentence. */
  readonly title: string;
  readonly trains: TrainedPart;
  /** What the environment must offer. */
  readonly needs: string;
  /** What the samples follow in the end. */
  readonly convergesTo: string;
  readonly knobs: Knobs;
  /**
   * Makes it; the method's own defaults hold for every knob that is not given.
   * @throws ArgumentError for a value out of range
   */
  make<D extends DiffusionData<D>, C extends object>(
    parts: MethodParts<D, C>,
    knobs: KnobValues,
  ): Promise<MadeMethod<D, C>>;
}
