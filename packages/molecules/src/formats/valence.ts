import type { Molecule } from "../molecule/index.js";

/** Bonds of a neutral atom, by element. */
const usual: Readonly<Record<string, readonly number[]>> = {
  H: [1],
  B: [3],
  C: [4],
  N: [3],
  O: [2],
  F: [1],
  Si: [4],
  P: [3, 5],
  S: [2, 4, 6],
  Cl: [1],
  Br: [1],
  I: [1],
};
/** Elements that make one bond more for each positive charge; the others make one less. */
const gains = new Set(["N", "O", "P", "S"]);

/** For each atom, whether a reader that completes valences by hydrogens might add one: it has bonds of an unusual number. */
export function hydrogensAreImplied({ elements, charges, bonds }: Molecule): boolean[] {
  const orders = new Float64Array(elements.length);
  for (const { from, to, order } of bonds) {
    orders[from]! += order === "aromatic" ? 1.5 : order;
    orders[to]! += order === "aromatic" ? 1.5 : order;
  }
  return elements.map((symbol, i) => {
    const charge = charges[i]!;
    const shift = gains.has(symbol) ? charge : -Math.abs(charge);
    return !(usual[symbol] ?? []).some((bonded) => bonded + shift === orders[i]);
  });
}
