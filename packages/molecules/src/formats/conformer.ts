import { loadOpenChemLib } from "../openchemlib/index.js";

/** How coordinates are made. */
export interface ConformerOptions {
  /** Seed of the conformer: a whole number. @default 0 */
  readonly seed?: number;
  /** Relax in the MMFF94 force field. @default true */
  readonly relax?: boolean;
}

/** Atoms with coordinates, and the molfile that says how they are bonded. */
export interface Conformer {
  readonly elements: readonly string[];
  readonly positions: Float32Array;
  readonly molfile: string;
}

/**
 * Coordinates of a molecule with all its hydrogens, by openchemlib.
 * @returns undefined when it finds none
 * @throws MissingPackageError when openchemlib is not installed
 */
export async function conformerOf(smiles: string, options: ConformerOptions): Promise<Conformer | undefined> {
  const { seed = 0, relax = true } = options;
  const { ConformerGenerator, ForceFieldMMFF94, Molecule } = await loadOpenChemLib("Making 3-D coordinates for SMILES");
  const molecule = new ConformerGenerator(seed).getOneConformerAsMolecule(Molecule.fromSmiles(smiles));
  if (molecule === null) {
    return undefined;
  }
  const atoms = Array.from({ length: molecule.getAllAtoms() }, (_, i) => i);
  const positions = (): Float32Array =>
    Float32Array.from(atoms.flatMap((i) => [molecule.getAtomX(i), molecule.getAtomY(i), molecule.getAtomZ(i)]));
  let found = positions();
  if (relax) {
    try {
      new ForceFieldMMFF94(molecule, "MMFF94").minimise();
      const relaxed = positions();
      // Linear molecules have no finite energy there, and stay as they are.
      found = relaxed.every(Number.isFinite) ? relaxed : found;
    } catch {
      // No parameters for one of the atoms.
    }
  }
  const elements = atoms.map((i) => molecule.getAtomLabel(i));
  return found.every(Number.isFinite) ? { elements, positions: found, molfile: molecule.toMolfileV3() } : undefined;
}
