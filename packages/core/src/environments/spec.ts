import { IncompatibleError } from "../errors/index.js";
import type { NoiseScheduleSpec } from "../schedulers/index.js";
import type { Environment, EnvironmentOptions } from "./environment.js";

/** One side of an environment: a registered id and the options it was built with. */
export interface PartSpec {
  readonly id: string;
  /** JSON options; absent when none were given. */
  readonly options?: object;
}

/** Everything needed to build an environment again, as plain JSON. */
export interface EnvironmentSpec {
  readonly baseModel: PartSpec;
  readonly reward: PartSpec;
  readonly steps: number;
  readonly timeGrid: "interior" | "reference" | readonly number[];
  readonly noiseSchedule: NoiseScheduleSpec;
  readonly rewardScale: number;
  readonly allowExpansiveGrid?: boolean;
}

const origins = new WeakMap<object, PartSpec>();

/** Remembers which id and options an object was made from, so that an environment holding it has a spec. */
export function setOrigin(made: object, origin: PartSpec): void {
  origins.set(made, origin);
}

/** The id and options an object was made from, if the registry made it. */
export function originOf(made: object): PartSpec | undefined {
  return origins.get(made);
}

/** The spec of an environment. */
// biome-ignore lint/suspicious/noExplicitAny: a spec does not depend on the data type
export function specOf(environment: Environment<any, any>, options: EnvironmentOptions): EnvironmentSpec {
  if (options.solver !== undefined) {
    throw new IncompatibleError("This environment has no spec: its solver was given as an object.");
  }
  const noiseSchedule = environment.noiseSchedule.spec();
  if (noiseSchedule.type === "custom") {
    throw new IncompatibleError("This environment has no spec: its noise schedule is a function.");
  }
  const timeGrid = options.timeGrid ?? "interior";
  return {
    baseModel: partSpec(environment.baseModel, "base model"),
    reward: partSpec(environment.reward, "reward"),
    steps: environment.steps,
    timeGrid: typeof timeGrid === "string" ? timeGrid : Array.from(timeGrid),
    noiseSchedule,
    rewardScale: environment.rewardScale,
    ...(options.allowExpansiveGrid && { allowExpansiveGrid: true }),
  };
}

function partSpec(made: object, what: string): PartSpec {
  const origin = originOf(made);
  if (origin === undefined) {
    throw new IncompatibleError(
      `This environment has no spec: its ${what} (${made.constructor.name}) was not made by the registry. ` +
        "Register it and build the environment with make(...).",
    );
  }
  if (origin.options !== undefined && !isJson(origin.options)) {
    throw new IncompatibleError(
      `This environment has no spec: the options of its ${what} "${origin.id}" cannot be written as JSON.`,
    );
  }
  return origin;
}

function isJson(value: unknown): boolean {
  if (value === null || ["string", "boolean"].includes(typeof value)) {
    return true;
  }
  if (typeof value === "number") {
    return Number.isFinite(value);
  }
  if (Array.isArray(value)) {
    return value.every(isJson);
  }
  if (typeof value !== "object" || Object.getPrototypeOf(value) !== Object.prototype) {
    return false;
  }
  return Object.values(value).every((entry) => entry === undefined || isJson(entry));
}
