/** All molecules that the rules keep, as canonical SMILES. */
export function enumerateMolecules(
  heavyAtoms: number,
  atoms: number,
  report?: (line: string) => void,
): Promise<string[]>;
