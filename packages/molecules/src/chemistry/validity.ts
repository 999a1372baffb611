import { type Molecule, structureOf } from "../molecule/index.js";
import { loadRdkit } from "../rdkit/index.js";

/** Whether a molecule is one, and if not, why. */
export interface Verdict {
  readonly valid: boolean;
  /** What is wrong with it, where it is not valid. */
  readonly reason?: string;
}

/**
 * Judges molecules: one is valid when RDKit sanitises it without implied hydrogens, and it is one connected piece of at
 * least one atom.
 * @throws MissingPackageError when RDKit is not installed
 */
export async function judgeMolecules(molecules: readonly Molecule[]): Promise<Verdict[]> {
  const rdkit = await loadRdkit("Verdicts on molecules");
  const verdicts: Verdict[] = [];
  for (const molecule of molecules) {
    const { problem, topology } = structureOf(molecule);
    if (problem !== undefined) {
      verdicts.push({ valid: false, reason: problem });
    } else if (topology.pieces !== 1) {
      verdicts.push({
        valid: false,
        reason: topology.pieces === 0 ? "it has no atoms" : `it is ${topology.pieces} pieces`,
      });
    } else {
      const known = await rdkit.use((scope) => scope.read(molecule, { coordinates: false }) !== undefined);
      verdicts.push(known === true ? { valid: true } : { valid: false, reason: "RDKit does not accept its valences" });
    }
  }
  return verdicts;
}
