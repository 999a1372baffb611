import { MissingPackageError } from "@diffusiongym/core";
import type sharp from "sharp";
import { importSharp } from "#platform";

/** The function that sharp exports. */
export type Sharp = typeof sharp;

let loaded: Promise<Sharp> | undefined;

/**
 * sharp, imported when first asked for.
 * @param purpose what it is needed for, the subject of the message: "The JPEG rewards"
 * @param importPackage what imports it. @default the package of that name
 * @throws MissingPackageError with the command that installs it
 */
export function loadSharp(purpose: string, importPackage?: () => Promise<unknown>): Promise<Sharp> {
  if (importPackage !== undefined) {
    return load(purpose, importPackage);
  }
  loaded ??= load(purpose, importSharp).catch((error: unknown) => {
    // Whoever installs it need not start the program again.
    loaded = undefined;
    throw error;
  });
  return loaded;
}

async function load(purpose: string, importPackage: () => Promise<unknown>): Promise<Sharp> {
  try {
    return ((await importPackage()) as { readonly default: Sharp }).default;
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    const error = new MissingPackageError(
      `${purpose} need the package sharp, which could not be loaded (${reason.split("\n")[0]}). Install it with: npm install sharp`,
      "sharp",
    );
    error.cause = cause;
    throw error;
  }
}
