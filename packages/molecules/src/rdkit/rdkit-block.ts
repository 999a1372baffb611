import type { Molecule } from "../molecule/index.js";

/** Coordinates beyond this would not be read back; nothing that large is a molecule. */
const farthest = 1e5;

/**
 * The V3000 molblock from which RDKit reads exactly this graph: `VAL=-1` on every atom says that no hydrogens are implied.
 * V2000 holds at most 999 atoms, and breaks on large coordinates.
 * @param coordinates whether to write the positions, or 0 everywhere
 */
export function rdkitBlock({ elements, charges, bonds, positions }: Molecule, coordinates: boolean): string {
  const placed = coordinates && positions.every((value) => Math.abs(value) < farthest);
  const lines = [
    "",
    "",
    "",
    "  0  0  0     0  0            999 V3000",
    "M  V30 BEGIN CTAB",
    `M  V30 COUNTS ${elements.length} ${bonds.length} 0 0 0`,
    "M  V30 BEGIN ATOM",
  ];
  for (const [i, symbol] of elements.entries()) {
    const place = placed ? [0, 1, 2].map((axis) => positions[3 * i + axis]!.toFixed(4)).join(" ") : "0 0 0";
    const charge = charges[i] === 0 ? "" : ` CHG=${charges[i]}`;
    lines.push(`M  V30 ${i + 1} ${symbol} ${place} 0${charge} VAL=-1`);
  }
  lines.push("M  V30 END ATOM", "M  V30 BEGIN BOND");
  for (const [k, { from, to, order }] of bonds.entries()) {
    lines.push(`M  V30 ${k + 1} ${order === "aromatic" ? 4 : order} ${from + 1} ${to + 1}`);
  }
  lines.push("M  V30 END BOND", "M  V30 END CTAB", "M  END");
  return lines.join("\n");
}
