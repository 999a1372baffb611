import { ArgumentError } from "@diffusiongym/core";
import type { Molecule } from "../molecule/index.js";
import { loadRdkit } from "../rdkit/index.js";
import { type ConformerOptions, conformerOf } from "./conformer.js";

/** How `toSmiles` writes molecules. */
export interface ToSmilesOptions {
  /** Write hydrogens as atoms. @default false */
  readonly hydrogens?: boolean;
  /** Read stereochemistry off the positions. @default false */
  readonly stereochemistry?: boolean;
}

/**
 * Canonical SMILES by RDKit (`@rdkit/rdkit`), so that equal molecules have equal strings.
 * @returns one a molecule, undefined where a molecule is invalid
 * @throws MissingPackageError when RDKit is not installed
 */
export async function toSmiles(
  molecules: readonly Molecule[],
  options: ToSmilesOptions = {},
): Promise<(string | undefined)[]> {
  const { hydrogens = false, stereochemistry = false } = options;
  const host = await loadRdkit("SMILES strings");
  const details = { coordinates: stereochemistry, hydrogens };
  const found: (string | undefined)[] = [];
  for (const molecule of molecules) {
    // A scope of its own for each, so that memory does not grow with their number.
    found.push(await host.use((scope) => scope.read(molecule, details)?.get_smiles()));
  }
  return found;
}

/**
 * A molecule from SMILES with all its hydrogens: bonds by RDKit (`@rdkit/rdkit`), coordinates by `openchemlib`, which takes
 * about half a second.
 * @param smiles one molecule
 * @throws ArgumentError when RDKit does not accept it or no coordinates were found
 * @throws MissingPackageError when one of the packages is not installed
 */
export async function fromSmiles(smiles: string, options: ConformerOptions = {}): Promise<Molecule> {
  const host = await loadRdkit("SMILES strings");
  const canonical = await host.use((scope) => scope.parse(smiles)?.get_smiles());
  if (canonical === undefined || canonical === "") {
    throw new ArgumentError(`"${smiles}" is no SMILES of a molecule that RDKit accepts.`, "smiles", smiles);
  }
  const placed = await conformerOf(canonical, options);
  const molecule =
    placed &&
    (await host.use((scope) => readBonds(scope.parse(placed.molfile, { removeHs: false })?.get_json(), placed)));
  if (molecule === undefined) {
    throw new ArgumentError(`No 3-D coordinates were found for "${smiles}"; another seed may do.`, "smiles", smiles);
  }
  return molecule;
}

/** The part of RDKit's JSON that is read here; what is a carbon, uncharged or single by default is left out. */
interface RdkitJson {
  readonly molecules: readonly {
    readonly atoms: readonly { readonly chg?: number }[];
    readonly bonds: readonly { readonly bo?: 1 | 2 | 3; readonly atoms: readonly [number, number] }[];
    readonly extensions?: readonly { readonly aromaticBonds?: readonly number[] }[];
  }[];
}

function readBonds(
  json: string | undefined,
  { elements, positions }: { readonly elements: readonly string[]; readonly positions: Float32Array },
): Molecule | undefined {
  if (json === undefined) {
    return undefined;
  }
  const { atoms, bonds, extensions } = (JSON.parse(json) as RdkitJson).molecules[0]!;
  const aromatic = new Set(extensions?.[0]?.aromaticBonds ?? []);
  return {
    elements,
    positions,
    charges: Int8Array.from(atoms, ({ chg = 0 }) => chg),
    bonds: bonds.map(({ atoms: [from, to], bo = 1 }, k) => ({ from, to, order: aromatic.has(k) ? "aromatic" : bo })),
  };
}
