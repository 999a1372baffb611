import { MissingPackageError } from "@diffusiongym/core";
import { nodeModules } from "#platform";

/** The package openchemlib. */
export type OpenChemLib = typeof import("openchemlib");

let loaded: Promise<OpenChemLib> | undefined;

/**
 * openchemlib with the tables of its conformers and force field, loaded once.
 * @param purpose what it is needed for, for the message: "Relaxing molecules"
 * @param importPackage what imports it. @default the package of that name
 * @throws MissingPackageError with the command that installs it; the next call tries again
 */
export function loadOpenChemLib(purpose: string, importPackage?: () => Promise<unknown>): Promise<OpenChemLib> {
  if (importPackage !== undefined) {
    return load(purpose, importPackage);
  }
  loaded ??= load(purpose, () => import("openchemlib")).catch((error: unknown) => {
    loaded = undefined;
    throw error;
  });
  return loaded;
}

async function load(purpose: string, importPackage: () => Promise<unknown>): Promise<OpenChemLib> {
  try {
    const library = (await importPackage()) as OpenChemLib;
    // In browsers the page registers the tables by their address: Resources.registerFromUrl(url).
    if (nodeModules !== undefined) {
      library.Resources.registerFromNodejs();
    }
    return library;
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    const error = new MissingPackageError(
      `${purpose} needs the package openchemlib, which could not be loaded (${reason.split("\n")[0]}). ` +
        "Install it with: npm install openchemlib",
      "openchemlib",
    );
    error.cause = cause;
    throw error;
  }
}
