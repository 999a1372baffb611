import { MissingPackageError } from "@diffusiongym/core";
import type { RdkitModule } from "./types.js";

/** Where a browser finds RDKit's WebAssembly. */
export interface RdkitSettings {
  /** The address of the file `RDKit_minimal.wasm` of the package `@rdkit/rdkit`, or its bytes. */
  readonly wasm: string | Uint8Array;
}

/** Makes an instance of RDKit. */
export type RdkitFactory = (settings: object) => Promise<RdkitModule>;

let wasm: RdkitSettings["wasm"] | undefined;

/**
 * Says where RDKit's WebAssembly is. Browsers need it, before RDKit is first used; Node finds the file by itself.
 *
 * ```ts
 * import wasm from "@rdkit/rdkit/RDKit_minimal.wasm?url"; // with vite
 * configureRdkit({ wasm });
 * ```
 */
export function configureRdkit(settings: RdkitSettings): void {
  wasm = settings.wasm;
}

/** A new instance, silent: molecules that it refuses are no news. */
export async function newInstance(factory: RdkitFactory): Promise<RdkitModule> {
  const silence = (): void => undefined;
  return factory({ print: silence, printErr: silence, ...located() });
}

function located(): object {
  if (wasm === undefined) {
    return {};
  }
  const place = wasm;
  return typeof place === "string" ? { locateFile: () => place } : { wasmBinary: place };
}

/**
 * The package's function that makes instances.
 * @param purpose what RDKit is needed for, the subject of the message, plural: "SMILES strings"
 * @param importPackage what imports it. @default the package of that name
 * @throws MissingPackageError with the command that installs it
 */
export async function importRdkit(
  purpose: string,
  importPackage: () => Promise<unknown> = () => import("@rdkit/rdkit"),
): Promise<RdkitFactory> {
  let imported: unknown;
  try {
    imported = await importPackage();
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    const error = new MissingPackageError(
      `${purpose} need the package @rdkit/rdkit, which could not be loaded (${reason.split("\n")[0]}). ` +
        "Install it with: npm install @rdkit/rdkit",
      "@rdkit/rdkit",
    );
    error.cause = cause;
    throw error;
  }
  // A CommonJS module: bundlers wrap its exports once or twice.
  let factory: unknown = imported;
  while (typeof factory === "object" && factory !== null && "default" in factory) {
    factory = factory.default;
  }
  return factory as RdkitFactory;
}
