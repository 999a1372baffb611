import type { Molecule } from "@diffusiongym/molecules";

/** How often each value occurs. */
export interface Tally {
  readonly [value: string]: number;
}

/** What molecules look like. */
export function statistics(molecules: readonly Molecule[]): {
  readonly molecules: number;
  readonly atoms: Tally;
  readonly heavyAtoms: Tally;
  readonly elements: Tally;
  readonly bonds: Tally;
  readonly rings: Tally;
};
