import { type RdkitGraph, rdkitGraph } from "../chemistry/index.js";
import type { Molecule } from "../molecule/index.js";
import { loadOpenChemLib, type OpenChemLib } from "../openchemlib/index.js";
import { loadRdkit } from "../rdkit/index.js";

/** As many steps as RDKit's MMFF takes by default. */
const mostSteps = 200;

/**
 * Molecules moved to the nearest minimum of the force field MMFF94 (Halgren, J. Comput. Chem. 17, 490 (1996)), at most 200
 * steps. Those that it has no parameters for, or that end nowhere, stay as they are: radicals and linear molecules are among
 * them.
 * @param molecules valid ones
 * @throws MissingPackageError when openchemlib or RDKit, which places the double bonds of aromatic rings, is missing
 */
export async function relaxMolecules(molecules: readonly Molecule[]): Promise<Molecule[]> {
  const library = await loadOpenChemLib("Relaxing molecules");
  const rdkit = await loadRdkit("Relaxed molecules");
  const relaxed: Molecule[] = [];
  for (const molecule of molecules) {
    const graph = await rdkit.use((scope) => {
      const read = scope.read(molecule, { coordinates: false });
      return read === undefined ? undefined : rdkitGraph(read);
    });
    relaxed.push(graph === undefined ? molecule : relax(library, molecule, graph));
  }
  return relaxed;
}

function relax(
  { ForceFieldMMFF94, Molecule: OclMolecule }: OpenChemLib,
  molecule: Molecule,
  { atomicNumbers, charges, bonds }: RdkitGraph,
): Molecule {
  const { positions } = molecule;
  const built = new OclMolecule(atomicNumbers.length, bonds.length);
  for (const [i, number] of atomicNumbers.entries()) {
    built.addAtom(number);
    // openchemlib moves hydrogens behind the other atoms; the number tells which is which.
    built.setAtomMapNo(i, i + 1, false);
    built.setAtomCharge(i, charges[i]!);
    built.setAtomX(i, positions[3 * i]!);
    built.setAtomY(i, positions[3 * i + 1]!);
    built.setAtomZ(i, positions[3 * i + 2]!);
  }
  const types = [OclMolecule.cBondTypeSingle, OclMolecule.cBondTypeDouble, OclMolecule.cBondTypeTriple];
  for (const { from, to, order } of bonds) {
    built.setBondType(built.addBond(from, to), types[order - 1] ?? OclMolecule.cBondTypeSingle);
  }
  try {
    built.ensureHelperArrays(OclMolecule.cHelperRings);
    const field = new ForceFieldMMFF94(built, ForceFieldMMFF94.MMFF94);
    // With other atoms than ours it is the field of another molecule.
    if (field.size() !== atomicNumbers.length) {
      return molecule;
    }
    field.minimise({ maxIts: mostSteps });
    if (!Number.isFinite(field.getTotalEnergy())) {
      return molecule;
    }
  } catch {
    return molecule;
  }
  const moved = new Float32Array(positions.length);
  for (let i = 0; i < atomicNumbers.length; i++) {
    moved.set([built.getAtomX(i), built.getAtomY(i), built.getAtomZ(i)], 3 * (built.getAtomMapNo(i) - 1));
  }
  return moved.every((value) => Number.isFinite(value)) ? { ...molecule, positions: moved } : molecule;
}
