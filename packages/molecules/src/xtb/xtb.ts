import { ArgumentError, throwIfAborted } from "@diffusiongym/core";
import { FileError } from "@diffusiongym/nn";
import { type Molecule, totalCharge, unpairedElectrons } from "../molecule/index.js";
import { type NodeModules, requireNode } from "../platform/index.js";
import { hasClash, xtbInput } from "./geometry.js";
import { readXtbOutput, type XtbProperties, type XtbProperty } from "./output.js";
import { Pool } from "./pool.js";
import { requireXtb } from "./program.js";
import { runProgram } from "./run-program.js";
import { Workspace } from "./workspace.js";

/** How xtb is run. */
export interface XtbOptions {
  /** Name or path of the program. @default "xtb" */
  readonly program?: string;
  /** Milliseconds after which the run of one molecule is killed. @default 120000 */
  readonly timeoutMs?: number;
  /** Runs of this batch at a time; all batches together never have more than one a core. @default one a core */
  readonly processes?: number;
  /** Existing folder for the runs' own folders. @default the system's folder for temporary files */
  readonly directory?: string;
}

/** What became of one molecule. */
export interface XtbResult {
  readonly properties?: XtbProperties;
  /** Why there are none. */
  readonly failure?: string;
}

let cores: Pool | undefined;

/**
 * Runs GFN2-xTB (Bannwarth, Ehlert and Grimme, J. Chem. Theory Comput. 15, 1652 (2019)) on molecules as they are, a process
 * each. A run counts when it exits with 0 and wrote its JSON, and no two atoms are closer than 0.4 angstrom.
 * @param molecules their total charge, and the number of electrons without a partner, are passed
 * @param options.hessian whether second derivatives are computed, from which the heat capacity comes; many times as slow
 * @param options.signal kills what runs when it fires
 * @returns one result a molecule
 * @throws MissingPackageError where there is no xtb; FileError where not one run had a folder to run in; AbortError;
 *   ArgumentError; IncompatibleError in browsers
 */
export async function runXtb(
  molecules: readonly Molecule[],
  options: XtbOptions & { readonly hessian?: boolean; readonly signal?: AbortSignal } = {},
): Promise<XtbResult[]> {
  const settings = checkXtbOptions(options);
  const node = requireNode("Running xtb");
  throwIfAborted(options.signal, "Running xtb");
  await requireXtb(node, settings.program);
  const directory = options.directory ?? node.os.tmpdir();
  const workspace = await Workspace.open(node, directory).catch((error: unknown) => {
    throw noFolder(directory, error);
  });
  try {
    cores ??= new Pool(node.os.availableParallelism());
    const all = cores;
    const own = new Pool(settings.processes ?? node.os.availableParallelism());
    const noFolders: unknown[] = [];
    const results = await Promise.all(
      molecules.map((molecule) =>
        own.run(() =>
          all.run(() =>
            runOne(node, workspace, molecule, { ...settings, ...options }).catch((error: unknown): XtbResult => {
              noFolders.push(error);
              return { failure: `its folder could not be used (${messageOf(error)})` };
            }),
          ),
        ),
      ),
    );
    throwIfAborted(options.signal, "Running xtb");
    if (molecules.length > 0 && noFolders.length === molecules.length) {
      throw noFolder(directory, noFolders[0]);
    }
    return results;
  } finally {
    await workspace.close();
  }
}

/**
 * The options with their defaults.
 * @throws ArgumentError when a number is none, or not positive
 */
export function checkXtbOptions({ program = "xtb", timeoutMs = 120_000, processes }: XtbOptions): {
  readonly program: string;
  readonly timeoutMs: number;
  readonly processes: number | undefined;
} {
  if (!(timeoutMs > 0 && timeoutMs < 2 ** 31)) {
    throw new ArgumentError(`timeoutMs must be positive and below 2^31, got ${timeoutMs}.`, "timeoutMs", timeoutMs);
  }
  if (processes !== undefined && !(Number.isInteger(processes) && processes >= 1)) {
    throw new ArgumentError(
      `processes must be a whole number of at least 1, got ${processes}.`,
      "processes",
      processes,
    );
  }
  return { program, timeoutMs, processes };
}

async function runOne(
  node: NodeModules,
  workspace: Workspace,
  molecule: Molecule,
  settings: {
    readonly program: string;
    readonly timeoutMs: number;
    readonly hessian?: boolean;
    readonly signal?: AbortSignal;
  },
): Promise<XtbResult> {
  if (molecule.elements.length === 0) {
    // It would wait for ever.
    return { failure: "it has no atoms" };
  }
  if (hasClash(molecule)) {
    return { failure: "two of its atoms are closer than 0.4 angstrom" };
  }
  if (settings.signal?.aborted) {
    return { failure: "it was stopped because the AbortSignal fired" };
  }
  const { fs, path } = node;
  return workspace.inFolder(async (folder) => {
    await fs.writeFile(path.join(folder, "molecule.xyz"), xtbInput(molecule));
    const args = ["molecule.xyz", "--json", "--chrg", String(totalCharge(molecule))];
    args.push("--uhf", String(unpairedElectrons(molecule)), ...(settings.hessian === true ? ["--hess"] : []));
    const { output, failure } = await runProgram(node, { ...settings, args, folder });
    if (failure !== undefined) {
      return { failure };
    }
    const json = await fs.readFile(path.join(folder, "xtbout.json"), "utf8").catch(() => undefined);
    if (json === undefined) {
      return { failure: "it wrote no results" };
    }
    const properties = readXtbOutput(json, output);
    return properties.energy === undefined ? { failure: "its results cannot be read" } : { properties };
  });
}

/** Whether second derivatives are needed for a property. */
export function needsHessian(property: XtbProperty): boolean {
  return property === "heatCapacity";
}

function noFolder(directory: string, cause: unknown): FileError {
  return new FileError(
    `xtb cannot run in ${directory}: ${messageOf(cause)}. Free some space there, or choose another folder by the option directory.`,
    directory,
    cause,
  );
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
