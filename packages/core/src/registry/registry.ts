import { setOrigin } from "../environments/index.js";
import { ArgumentError, nearestName, RegistryError, requireKnown } from "../errors/index.js";
import type { MaybePromise } from "../models/index.js";
import { ZeroReward } from "../rewards/index.js";
import type {
  AnyBaseModel,
  AnyReward,
  BaseModelId,
  BaseModelOf,
  BaseModelOptionsOf,
  Maker,
  PartDescription,
  RewardId,
  RewardOf,
  RewardOptionsOf,
} from "./entries.js";

/** One registered part, as lists show it. */
export interface RegisteredPart extends PartDescription {
  readonly id: string;
}

interface Registered<Part extends object> {
  readonly maker: Maker<Part, object>;
  readonly description: PartDescription;
}

/** Parts of one kind, by id. */
class Registry<Part extends object> {
  private readonly parts = new Map<string, Registered<Part>>();

  constructor(private readonly kind: string) {}

  register(id: string, maker: Maker<Part, object>, description: PartDescription): void {
    if (!/^[a-z0-9-]+\/[\w.-]+$/i.test(id)) {
      throw new ArgumentError(`"${id}" is no id; write modality/name, for example "audio/wave".`, "id", id);
    }
    if (typeof maker !== "function") {
      throw new ArgumentError(`The ${this.kind} "${id}" needs a class or a function that makes it.`, "maker", maker);
    }
    const existing = this.parts.get(id);
    if (existing !== undefined && existing.maker !== maker) {
      throw new RegistryError(
        `The ${this.kind} "${id}" is already registered with ${nameOf(existing.maker)}; ${nameOf(maker)} cannot take its id. ` +
          "Choose another id, or look whether two versions of a package are loaded.",
        id,
      );
    }
    this.parts.set(id, { maker, description });
  }

  async make(id: string, options: object | undefined): Promise<Part> {
    const registered = this.parts.get(id);
    if (registered === undefined) {
      throw this.unknown(id);
    }
    const known = registered.description?.options;
    for (const name of known === undefined ? [] : Object.keys(options ?? {})) {
      requireKnown(`The ${this.kind} "${id}" has no option`, name, Object.keys(known!), name);
    }
    const made = await call(registered.maker, options ?? {});
    if (typeof made !== "object" || made === null) {
      throw new RegistryError(`The maker of the ${this.kind} "${id}" returned ${String(made)}, no ${this.kind}.`, id);
    }
    setOrigin(made, options === undefined || Object.keys(options).length === 0 ? { id } : { id, options });
    return made;
  }

  list(): RegisteredPart[] {
    return [...this.parts]
      .map(([id, { description }]) => ({ id, ...description }))
      .sort((a, b) => (a.id < b.id ? -1 : 1));
  }

  private unknown(id: string): RegistryError {
    const ids = [...this.parts.keys()];
    const modality = id.split("/")[0]!;
    const suggestion = ids.find((other) => other.endsWith(`/${id}`)) ?? nearestName(id, ids);
    const known = modality === id || ids.some((other) => other.startsWith(`${modality}/`));
    const advice = known
      ? `Registered are: ${ids.join(", ") || "none"}.`
      : `No package of the modality "${modality}" has been imported. If it is one of ours: npm install @diffusiongym/${modality}, ` +
        `then import "@diffusiongym/${modality}" before make(...). Registered are: ${ids.join(", ") || "none"}.`;
    return new RegistryError(
      `There is no ${this.kind} "${id}".${suggestion === undefined ? "" : ` Did you mean "${suggestion}"?`} ${advice}`,
      id,
      suggestion,
    );
  }
}

const baseModels = new Registry<AnyBaseModel>("base model");
const rewards = new Registry<AnyReward>("reward");

/**
 * Registers a base model under an id of `BaseModelRegistry`.
 * @param id modality/name
 * @param maker a function of the options, or a class whose constructor takes them
 * @param description what lists and help say of it
 * @throws RegistryError when the id is taken by another maker
 */
export function registerBaseModel<Id extends BaseModelId>(
  id: Id,
  maker: Maker<BaseModelOf<Id>, BaseModelOptionsOf<Id>>,
  description: PartDescription,
): void {
  baseModels.register(id, maker as unknown as Maker<AnyBaseModel, object>, description);
}

/**
 * Registers a reward under an id of `RewardRegistry`.
 * @param id modality/name
 * @param maker a function of the options, or a class whose constructor takes them
 * @param description what lists and help say of it
 * @throws RegistryError when the id is taken by another maker
 */
export function registerReward<Id extends RewardId>(
  id: Id,
  maker: Maker<RewardOf<Id>, RewardOptionsOf<Id>>,
  description: PartDescription,
): void {
  rewards.register(id, maker as unknown as Maker<AnyReward, object>, description);
}

/** Builds a registered base model alone. */
export async function makeBaseModel<Id extends BaseModelId>(
  id: Id,
  options?: BaseModelOptionsOf<Id>,
): Promise<BaseModelOf<Id>> {
  return (await baseModels.make(id, options as object | undefined)) as BaseModelOf<Id>;
}

/** Builds a registered reward alone. */
export async function makeReward<Id extends RewardId>(id: Id, options?: RewardOptionsOf<Id>): Promise<RewardOf<Id>> {
  return (await rewards.make(id, options as object | undefined)) as RewardOf<Id>;
}

/** Builds parts whose ids are known only at run time. */
export const makePart: {
  readonly baseModel: (id: string, options?: object) => Promise<AnyBaseModel>;
  readonly reward: (id: string, options?: object) => Promise<AnyReward>;
} = {
  baseModel: (id, options) => baseModels.make(id, options),
  reward: (id, options) => rewards.make(id, options),
};

/** Every registered base model, sorted by id. */
export function listBaseModels(): RegisteredPart[] {
  return baseModels.list();
}

/** Every registered reward, sorted by id. */
export function listRewards(): RegisteredPart[] {
  return rewards.list();
}

function call<Part>(maker: Maker<Part, object>, options: object): MaybePromise<Part> {
  return isClass(maker) ? new maker(options) : maker(options);
}

function isClass<Part>(maker: Maker<Part, object>): maker is new (options: object) => Part {
  return /^class\b/.test(Function.prototype.toString.call(maker));
}

function nameOf(maker: { readonly name: string }): string {
  return maker.name === "" ? "an unnamed function" : maker.name;
}

registerReward("any/zero", ZeroReward, { description: "0 for every sample of any modality: nothing to adapt to" });
