import type { RdkitMolecule } from "../rdkit/index.js";

/** What a Morgan fingerprint looks at. */
export interface FingerprintOptions {
  /** Bonds from each atom to the edge of its surroundings; 2 is what is called ECFP4. @default 2 */
  readonly radius?: number;
  /** Length of the fingerprint in bits. @default 2048 */
  readonly bits?: number;
}

/** The Morgan fingerprint of a molecule that was read without its hydrogens, eight bits a byte. */
export function morganFingerprint(
  molecule: RdkitMolecule,
  { radius = 2, bits = 2048 }: FingerprintOptions = {},
): Uint8Array {
  return molecule.get_morgan_fp_as_uint8array(JSON.stringify({ radius, nBits: bits }));
}

/**
 * Tanimoto's similarity of two fingerprints of one length: bits that both have over bits that either has.
 * @returns from 0 to 1; 1 when neither has any
 */
export function tanimoto(a: Uint8Array, b: Uint8Array): number {
  let [both, either] = [0, 0];
  for (let k = 0; k < a.length; k++) {
    both += bitCount(a[k]! & b[k]!);
    either += bitCount(a[k]! | b[k]!);
  }
  return either === 0 ? 1 : both / either;
}

function bitCount(byte: number): number {
  let count = 0;
  for (let rest = byte; rest !== 0; rest &= rest - 1) {
    count++;
  }
  return count;
}
