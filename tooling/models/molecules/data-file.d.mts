import type { Molecule } from "@diffusiongym/molecules";

/** Molecules with where they come from. */
export interface DataSet {
  /** How it was made. */
  readonly about: string;
  /** Canonical SMILES, one a molecule. */
  readonly smiles: string[];
  readonly molecules: Molecule[];
}

/** Writes uncharged molecules of C, H, N, O and F compactly. */
export function writeDataSet(path: string, data: DataSet): Promise<void>;
/** Reads what `writeDataSet` wrote. */
export function readDataSet(path: string | URL): Promise<DataSet>;
