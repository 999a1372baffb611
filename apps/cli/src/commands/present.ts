import { join } from "node:path";
import { isErrorNamed, modalityKit, type Presentation, type ShownSamples } from "@diffusiongym/core";
import { FileStorage } from "@diffusiongym/methods";
import type { AnyEnvironment } from "../exact/index.js";
import type { Io } from "../terminal/index.js";

/** What is shown, and of what. */
export interface PresentOptions {
  readonly modelId: string;
  readonly rewardId: string;
  readonly environment: AnyEnvironment;
  readonly groups: readonly ShownSamples[];
}

/** Samples made visible by their modality; nothing where it has no way to, or where a package that it needs is not installed. */
export async function presentSamples(
  { modelId, rewardId, environment, groups }: PresentOptions,
  io: Io,
): Promise<Presentation> {
  const nothing: Presentation = { files: [], figures: [] };
  const { present } = modalityKit(modelId);
  try {
    return (await present?.({ groups, rewardId, baseModel: environment.baseModel })) ?? nothing;
  } catch (error) {
    if (isErrorNamed(error, "MissingPackageError")) {
      io.stderr.write(`no pictures: ${(error as Error).message}\n`);
      return nothing;
    }
    throw error;
  }
}

/** Writes the files of a presentation into a folder. @returns their names within it; many of one folder are one name */
export async function writePresentation(files: Presentation["files"], folder: string): Promise<string[]> {
  const shown = new Set<string>();
  for (const { name, bytes } of files) {
    const parts = name.split("/");
    await new FileStorage(join(folder, ...parts.slice(0, -1))).write(parts.at(-1)!, bytes);
    shown.add(parts.length > 1 ? `${parts[0]}/` : name);
  }
  return [...shown];
}
