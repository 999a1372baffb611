import type { Molecule } from "../molecule/index.js";

/** Atoms that are closer than this, in angstrom, are no molecule, though xtb has an energy for them. H2 has 0.74. */
const closest = 0.4;

/** True when some atoms are closer than 0.4 angstrom, or nowhere. */
export function hasClash({ positions }: Pick<Molecule, "positions">): boolean {
  const atoms = positions.length / 3;
  if (!positions.every((value) => Number.isFinite(value))) {
    return true;
  }
  for (let i = 0; i < atoms; i++) {
    for (let j = 0; j < i; j++) {
      const [x, y, z] = [0, 1, 2].map((axis) => positions[3 * i + axis]! - positions[3 * j + axis]!) as [
        number,
        number,
        number,
      ];
      if (x * x + y * y + z * z < closest * closest) {
        return true;
      }
    }
  }
  return false;
}

/** The file from which xtb reads a molecule: elements and positions in angstrom to six decimals. */
export function xtbInput({ elements, positions }: Pick<Molecule, "elements" | "positions">): string {
  const rows = elements.map((symbol, i) => {
    const place = Array.from(positions.subarray(3 * i, 3 * i + 3), (value) => value.toFixed(6));
    return `${symbol} ${place.join(" ")}`;
  });
  return `${elements.length}\n\n${rows.join("\n")}\n`;
}
