import { Environment, type EnvironmentOptions, type EnvironmentSpec } from "../environments/index.js";
import { ArgumentError, IncompatibleError, requireKnown } from "../errors/index.js";
import { checkSpec, specFields } from "./check-spec.js";
import type {
  AnyData,
  BaseModelId,
  BaseModelOptionsOf,
  ConditioningOf,
  DataOf,
  RewardIdFor,
  RewardOptionsOf,
} from "./entries.js";
import { makePart } from "./registry.js";

/** Options of `make`: the environment's own, and those of the two parts. */
export interface MakeOptions<ModelOptions, RewardOptions> extends EnvironmentOptions {
  /** Options of the base model. @default its own defaults */
  readonly baseModel?: ModelOptions;
  /** Options of the reward. @default its own defaults */
  readonly reward?: RewardOptions;
}

type EnvironmentWith<D, C> = D extends AnyData ? (C extends object ? Environment<D, C> : never) : never;

/** The environment that an id promises. */
export type EnvironmentOf<Model extends BaseModelId> = EnvironmentWith<DataOf<Model>, ConditioningOf<Model>>;

/**
 * Builds the environment of a registered base model and reward.
 * @param baseModel id such as `"toy/gmm2d"`; import the modality's package first
 * @param reward id of the same modality, or of modality `any`
 * @throws RegistryError for an unknown id, naming the nearest one and the package to install
 * @throws IncompatibleError when the modalities differ
 */
export function make<Model extends BaseModelId, RewardName extends RewardIdFor<Model>>(
  baseModel: Model,
  reward: RewardName,
  options?: MakeOptions<BaseModelOptionsOf<Model>, RewardOptionsOf<RewardName>>,
): Promise<EnvironmentOf<Model>>;
/**
 * Builds an environment again from its spec, or one whose ids are known only at run time.
 * @param spec as `environment.spec` gives it; everything but the two ids may be left out
 * @throws FormatError for what is no such spec
 */
// biome-ignore lint/suspicious/noExplicitAny: the data type of a spec is known only at run time
export function make(spec: PartialSpec): Promise<Environment<any, any>>;
export async function make(
  first: string | PartialSpec,
  reward?: string,
  options: MakeOptions<unknown, unknown> = {},
  // biome-ignore lint/suspicious/noExplicitAny: the overloads above carry the types
): Promise<any> {
  if (typeof first !== "string") {
    checkSpec(first);
    const { baseModel, reward: rewardPart, ...rest } = first;
    return build(baseModel.id, baseModel.options, rewardPart.id, rewardPart.options, rest);
  }
  if (typeof reward !== "string") {
    throw new ArgumentError(
      `make("${first}", ${String(reward)}): the second argument is the id of a reward; "any/zero" fits every base model.`,
      "reward",
      reward,
    );
  }
  for (const name of Object.keys(options)) {
    requireKnown("make has no option", name, [...Object.keys(specFields), "solver"], name);
  }
  const { baseModel: modelOptions, reward: rewardOptions, ...rest } = options;
  return build(first, modelOptions as object | undefined, reward, rewardOptions as object | undefined, rest);
}

/** A spec of which only the ids must be given. */
export type PartialSpec = Pick<EnvironmentSpec, "baseModel" | "reward"> & Partial<EnvironmentSpec>;

async function build(
  modelId: string,
  modelOptions: object | undefined,
  rewardId: string,
  rewardOptions: object | undefined,
  options: EnvironmentOptions,
): Promise<Environment<AnyData, object>> {
  const [modality, other] = [modelId, rewardId].map((id) => /^(.*)\//.exec(id)?.[1]);
  // An id without a modality is unknown, which the registry says better.
  if (modality !== undefined && other !== undefined && other !== modality && other !== "any") {
    throw new IncompatibleError(
      `The base model "${modelId}" and the reward "${rewardId}" are of different modalities. ` +
        `Choose a reward of modality "${modality}", or "any/zero".`,
    );
  }
  const reward = await makePart.reward(rewardId, rewardOptions);
  const baseModel = await makePart.baseModel(modelId, modelOptions);
  return new Environment(baseModel, reward, options);
}
