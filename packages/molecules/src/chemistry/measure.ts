import type { Molecule } from "../molecule/index.js";
import { loadRdkit, type RdkitHost, type RdkitMolecule, type RdkitScope } from "../rdkit/index.js";

/** Measures a valid molecule that was read without its hydrogens. */
export type Measurement<T> = (scope: RdkitScope, molecule: RdkitMolecule) => T;

/**
 * Measures molecules that are valid: RDKit sanitises them without implied hydrogens, and they are one connected piece of at
 * least one atom.
 * @param measure what to compute of each; waits for nothing
 * @param host where RDKit runs. @default the one that this process shares
 * @returns one result a molecule, undefined for those that are not valid
 * @throws MissingPackageError when RDKit is not installed
 */
export async function measureMolecules<T>(
  molecules: readonly Molecule[],
  measure: Measurement<T>,
  host?: RdkitHost,
): Promise<(T | undefined)[]> {
  const rdkit = host ?? (await loadRdkit("Chemical properties"));
  const results: (T | undefined)[] = [];
  for (const molecule of molecules) {
    results.push(
      await rdkit.use((scope) => {
        // Positions would only tell stereochemistry, of which no property here knows, and slow the reading down.
        const read = scope.read(molecule, { coordinates: false, hydrogens: false, onePiece: true });
        return read === undefined ? undefined : measure(scope, read);
      }),
    );
  }
  return results;
}
