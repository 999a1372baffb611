import { isErrorNamed, make, type NoiseScheduleSpec } from "@diffusiongym/core";
import { type PartOptions, UsageError, whileReading } from "../arguments/index.js";
import type { AnyEnvironment } from "../exact/index.js";
import { checkPartOptions, importModality, importPackage, modalityOf } from "../parts/index.js";
import { defaultRewardScale, type TimeGridOption } from "./options.js";

/** What was typed of an environment. */
export interface EnvironmentRequest {
  /** The command, for messages. */
  readonly command: string;
  readonly modelId: string;
  readonly rewardId: string;
  readonly model: PartOptions;
  readonly reward: PartOptions;
  /** Number of steps, if given. */
  readonly steps: number | undefined;
  readonly defaultSteps: number;
  readonly timeGrid: TimeGridOption;
  readonly allowExpansiveGrid: boolean;
  readonly noise: NoiseScheduleSpec | undefined;
  readonly rewardScale: number | undefined;
}

/** How many ids were typed, for a message. */
export function idsGiven(count: number): string {
  return count === 1 ? "1 id was given" : `${count} ids were given`;
}

/** Imports what registers the parts: third parties' packages first, then those of the ids' modalities. */
export async function importParts(ids: readonly string[], packages: readonly string[], folder: string): Promise<void> {
  for (const name of new Set(packages)) {
    await importPackage(name, folder);
  }
  for (const id of ids) {
    await importModality(modalityOf(id), folder);
  }
}

/**
 * Builds the environment that was asked for.
 * @throws UsageError when the ids, their options or the grid make no sense
 */
export async function buildEnvironment(request: EnvironmentRequest): Promise<AnyEnvironment> {
  const { command, modelId, rewardId, model, reward, steps, timeGrid, noise, allowExpansiveGrid } = request;
  checkPartOptions("model", modelId, model);
  checkPartOptions("reward", rewardId, reward);
  if (steps !== undefined && typeof timeGrid !== "string") {
    throw new UsageError(
      "--steps and a --time-grid of times cannot both be given: the times say how many steps there are.",
    );
  }
  return whileReading(command, () =>
    make({
      baseModel: part(modelId, model),
      reward: part(rewardId, reward),
      timeGrid,
      rewardScale: request.rewardScale ?? defaultRewardScale(modelId, rewardId),
      ...(typeof timeGrid === "string" && { steps: steps ?? request.defaultSteps }),
      ...(noise && { noiseSchedule: noise }),
      ...(allowExpansiveGrid && { allowExpansiveGrid }),
    }).catch((error: unknown) => {
      throw isErrorNamed(error, "TimeGridError")
        ? new UsageError(
            (error as Error).message.replace("pass allowExpansiveGrid: true", "give --allow-expansive-grid"),
          )
        : error;
    }),
  );
}

function part(id: string, options: PartOptions): { readonly id: string; readonly options?: object } {
  return Object.keys(options).length === 0 ? { id } : { id, options };
}
