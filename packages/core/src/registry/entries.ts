import type { DiffusionData } from "../data/index.js";
import type { BaseModel, MaybePromise } from "../models/index.js";
import type { Reward } from "../rewards/index.js";

/**
 * Types of the registered base models, by id. A modality package adds its own:
 *
 * ```ts
 * declare module "@diffusiongym/core" {
 *   interface BaseModelRegistry {
 *     "audio/wave": { data: DDTensor; conditioning: NoConditioning; options: { rate?: number } };
 *   }
 * }
 * ```
 */
// biome-ignore lint/suspicious/noEmptyInterface: filled by declaration merging in the modality packages
export interface BaseModelRegistry {}

/** Types of the registered rewards, by id; filled like `BaseModelRegistry`. */
export interface RewardRegistry {
  "any/zero": { data: unknown; conditioning: object; options: Record<string, never> };
}

/** Ids of base models that the imported packages have registered. */
export type BaseModelId = keyof BaseModelRegistry & string;

/** Ids of rewards that the imported packages have registered. */
export type RewardId = keyof RewardRegistry & string;

/** The modality of an id: `images` of `images/cifar`. */
export type ModalityOf<Id extends string> = Id extends `${infer Modality}/${string}` ? Modality : never;

type Entry<Registry, Id> = Id extends keyof Registry ? Registry[Id] : never;
type Field<T, Name extends string, Default> = T extends { readonly [K in Name]: infer Value } ? Value : Default;

/** Data type of a base model. */
export type DataOf<Id extends string> = Field<Entry<BaseModelRegistry, Id>, "data", never>;

/** Conditioning of a base model. */
export type ConditioningOf<Id extends string> = Field<Entry<BaseModelRegistry, Id>, "conditioning", never>;

/** Options of a base model. */
export type BaseModelOptionsOf<Id extends string> = Field<Entry<BaseModelRegistry, Id>, "options", object>;

/** Options of a reward. */
export type RewardOptionsOf<Id extends string> = Field<Entry<RewardRegistry, Id>, "options", object>;

/** Rewards that fit a base model: those of its modality that judge its data type, and those of modality `any`. */
export type RewardIdFor<Model extends BaseModelId> = {
  [Id in RewardId]: ModalityOf<Id> extends "any" | ModalityOf<Model>
    ? DataOf<Model> extends Field<Entry<RewardRegistry, Id>, "data", never>
      ? Id
      : never
    : never;
}[RewardId];

/** A base model of any data type. */
// biome-ignore lint/suspicious/noExplicitAny: the registry holds models of all data types
export type AnyBaseModel = BaseModel<any, any>;

/** A reward of any data type. */
// biome-ignore lint/suspicious/noExplicitAny: the registry holds rewards of all data types
export type AnyReward = Reward<any, any>;

/** Builds a part from options: a function, or a class whose constructor takes the options. */
export type Maker<Part, Options> = ((options: Options) => MaybePromise<Part>) | (new (options: Options) => Part);

/** What help texts say of a registered part. */
export interface PartDescription {
  /** One line: what it is. */
  readonly description: string;
  /** One line an option, by name, with its default. Where this is given, options of other names are refused. */
  readonly options?: { readonly [name: string]: string };
}

/** Any data type. */
// biome-ignore lint/suspicious/noExplicitAny: a data type is bounded by itself, which only `any` can say here
export type AnyData = DiffusionData<any>;

type ModelWith<D, C> = D extends AnyData ? (C extends object ? BaseModel<D, C> : never) : never;
type RewardWith<D, C> = C extends object ? Reward<D, C> : never;

/** The model type that an id promises. */
export type BaseModelOf<Id extends string> = ModelWith<DataOf<Id>, ConditioningOf<Id>>;

/** The reward type that an id promises. */
export type RewardOf<Id extends string> = RewardWith<
  Field<Entry<RewardRegistry, Id>, "data", never>,
  Field<Entry<RewardRegistry, Id>, "conditioning", never>
>;
