import { createRequire } from "node:module";
import { join, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { DiffusionGymError, listBaseModels, listRewards, MissingPackageError, nearestName } from "@diffusiongym/core";
import { UsageError } from "../arguments/index.js";

/** Modalities of which this project has packages, and what they are about. */
export const ownModalities = ["toy", "images", "molecules"] as const;

/** The modality of an id: `toy` of `toy/gmm2d`. */
export function modalityOf(id: string): string {
  return id.split("/")[0]!;
}

/**
 * Imports the package of a modality, `@diffusiongym/<modality>`, unless one of its parts is registered already.
 * @param folder the user's, where the package may be installed although the command itself does not see it
 * @throws MissingPackageError with the command that installs it; UsageError for a modality that nobody knows
 */
export async function importModality(modality: string, folder?: string): Promise<void> {
  if (modality === "any" || isRegistered(modality)) {
    return;
  }
  if (!(ownModalities as readonly string[]).includes(modality)) {
    const nearest = nearestName(modality, ownModalities);
    throw new UsageError(
      `There is no modality "${modality}".${nearest === undefined ? "" : ` Did you mean "${nearest}"?`} ` +
        `Known are ${ownModalities.join(", ")}; for another, name the package that registers it: --import PACKAGE.`,
    );
  }
  await importModalityPackage(modality, folder);
}

/** Imports one of our own packages; see `importModality`. */
export async function importModalityPackage(modality: string, folder?: string): Promise<void> {
  const name = `@diffusiongym/${modality}`;
  try {
    await import(name);
  } catch (error) {
    if (missingModule(error) !== name) {
      throw error;
    }
    const location = folder === undefined ? name : locate(name, folder);
    if (location !== name) {
      await import(location);
      return;
    }
    throw new MissingPackageError(
      `The modality "${modality}" is in a package that is not installed: npm install ${name}`,
      name,
    );
  }
}

/**
 * Imports a third party's package, by name or by path, as seen from a folder; it registers its parts.
 * @throws MissingPackageError when there is none; UsageError when it registers nothing
 */
export async function importPackage(specifier: string, folder: string): Promise<void> {
  const before = countParts();
  const location = locate(specifier, folder);
  try {
    await import(location);
  } catch (error) {
    const missing = missingModule(error);
    if (DiffusionGymError.isInstance(error) || missing === undefined) {
      throw error;
    }
    if (![specifier, location, fileOf(location)].includes(missing)) {
      throw new MissingPackageError(
        `--import ${specifier}: it needs "${missing}", which cannot be found from where it lies. Install that there, or install ` +
          "diffusiongym and the package into the same project and run it there.",
        missing,
      );
    }
    const remedy = isPath(specifier)
      ? `there is no such file, seen from ${folder}.`
      : `there is no such package here. Install it with: npm install ${specifier}`;
    throw new MissingPackageError(`--import ${specifier}: ${remedy}`, specifier);
  }
  if (countParts() === before) {
    throw new UsageError(
      `--import ${specifier}: the package registers no base model and no reward, or it uses another copy of @diffusiongym/core. ` +
        "Install diffusiongym and the package into the same project and run it there.",
    );
  }
}

/** Where a specifier leads from a folder; a bare name that the folder does not resolve is left to our own resolution. */
function locate(specifier: string, folder: string): string {
  if (isPath(specifier)) {
    return pathToFileURL(resolve(folder, specifier)).href;
  }
  try {
    return pathToFileURL(createRequire(join(folder, "package.json")).resolve(specifier)).href;
  } catch {
    return specifier;
  }
}

function isPath(specifier: string): boolean {
  return /^\.{0,2}\//.test(specifier);
}

function fileOf(location: string): string {
  return location.startsWith("file:") ? fileURLToPath(location) : location;
}

/** Name or path of the module that an import did not find, if that is what the error says. */
function missingModule(error: unknown): string | undefined {
  const { code, message = "" } = (error ?? {}) as { code?: string; message?: string };
  return ["ERR_MODULE_NOT_FOUND", "MODULE_NOT_FOUND"].includes(code ?? "")
    ? /^Cannot find (?:package|module) '([^']+)'/.exec(message)?.[1]
    : undefined;
}

function isRegistered(modality: string): boolean {
  return [...listBaseModels(), ...listRewards()].some(({ id }) => modalityOf(id) === modality);
}

function countParts(): number {
  return listBaseModels().length + listRewards().length;
}
