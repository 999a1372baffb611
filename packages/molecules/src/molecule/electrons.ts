import { atomicNumber } from "./elements.js";
import type { Molecule } from "./molecule.js";

/** The sum of the formal charges, in elementary charges. */
export function totalCharge({ charges }: Pick<Molecule, "charges">): number {
  let total = 0;
  for (const charge of charges) {
    total += charge;
  }
  return total;
}

/**
 * How many electrons have no partner in the ground state with the lowest spin: 1 where the number of electrons is odd,
 * otherwise 0. A model knows bonds, not spins, so triplets such as O2 are treated as singlets, like the reference does.
 */
export function unpairedElectrons(molecule: Pick<Molecule, "elements" | "charges">): 0 | 1 {
  const protons = molecule.elements.reduce((sum, symbol) => sum + (atomicNumber(symbol) ?? 0), 0);
  return (protons - totalCharge(molecule)) % 2 === 0 ? 0 : 1;
}
