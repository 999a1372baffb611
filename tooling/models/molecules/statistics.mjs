/**
 * What molecules look like: how many there are of each size, element, bond and ring.
 * @param {readonly import("@diffusiongym/molecules").Molecule[]} molecules
 */
export function statistics(molecules) {
  const counts = {
    atoms: tally(molecules.map(({ elements }) => elements.length)),
    heavyAtoms: tally(molecules.map(({ elements }) => elements.filter((element) => element !== "H").length)),
    elements: tally(molecules.flatMap(({ elements }) => elements)),
    bonds: tally(molecules.flatMap(({ bonds }) => bonds.map(({ order }) => order))),
    rings: tally(molecules.flatMap((molecule) => ringSize(molecule))),
  };
  return { molecules: molecules.length, ...counts };
}

/** @param {readonly (string | number)[]} values @returns {{ [value: string]: number }} */
function tally(values) {
  /** @type {{ [value: string]: number }} */
  const counts = {};
  for (const value of values) counts[value] = (counts[value] ?? 0) + 1;
  return counts;
}

/**
 * "none", the size of the only ring with what it is, or "several".
 * @param {import("@diffusiongym/molecules").Molecule} molecule
 */
function ringSize({ elements, bonds }) {
  const rings = bonds.length - elements.length + 1;
  if (rings < 1) return "none";
  if (rings > 1) return "several";
  let left = bonds;
  for (let before = -1; before !== left.length; ) {
    before = left.length;
    left = left.filter(({ from, to }) =>
      [from, to].every((atom) => left.filter((bond) => bond.from === atom || bond.to === atom).length > 1),
    );
  }
  return `${left.length}${left.every(({ order }) => order === "aromatic") ? " aromatic" : ""}`;
}
