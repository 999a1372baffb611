import { loadRdkit } from "./rdkit.mjs";
import { isHopeless, isKept } from "./rules.mjs";
import { freeValences, grow, smilesOf } from "./skeletons.mjs";

/**
 * All molecules of C, N, O, F and H of up to `heavyAtoms` heavy atoms that the rules keep, each once, as canonical SMILES.
 * @param {number} heavyAtoms
 * @param {number} atoms the most atoms of a molecule, hydrogens included
 * @param {(line: string) => void} [report]
 * @returns {Promise<string[]>} sorted by the number of heavy atoms, then by SMILES
 */
export async function enumerateMolecules(heavyAtoms, atoms, report = () => {}) {
  const canonical = await canonicaliser();
  /** @typedef {import("./skeletons.mjs").Skeleton} Skeleton */
  /** @type {Map<string, Skeleton>} */
  let trees = new Map([["C", { elements: ["C"], bonds: [] }]]);
  /** @type {string[]} */
  const kept = [];
  for (let n = 1; n <= heavyAtoms; n++) {
    if (n > 1) trees = reach([...trees.values()], { atoms: true, rings: false }, canonical, false);
    const closed = reach([...trees.values()], { atoms: false, rings: true }, canonical, true);
    const found = [...closed].filter(
      ([smiles, skeleton]) =>
        isKept(skeleton, /[cno]/.test(smiles)) &&
        skeleton.elements.length + freeValences(skeleton).reduce((sum, count) => sum + count, 0) <= atoms,
    );
    kept.push(...found.map(([smiles]) => smiles).sort());
    report(`${n} heavy atoms: ${closed.size} molecules, ${found.length} kept`);
  }
  return kept;
}

/**
 * What one step of growth makes of molecules, or any number of steps, the molecules themselves included.
 * @param {readonly import("./skeletons.mjs").Skeleton[]} start
 * @param {{ atoms: boolean, rings: boolean }} allowed
 * @param {(smiles: string) => string | undefined} canonical
 * @param {boolean} repeatedly
 */
function reach(start, allowed, canonical, repeatedly) {
  /** @type {Map<string, import("./skeletons.mjs").Skeleton>} */
  const found = new Map(repeatedly ? start.map((skeleton) => [canonical(smilesOf(skeleton)) ?? "", skeleton]) : []);
  const seen = new Set();
  const queue = [...start];
  for (let next = queue.pop(); next !== undefined; next = queue.pop()) {
    for (const grown of grow(next, allowed)) {
      if (isHopeless(grown)) continue;
      const raw = smilesOf(grown);
      if (seen.has(raw)) continue;
      seen.add(raw);
      const smiles = canonical(raw);
      if (smiles === undefined || found.has(smiles)) continue;
      found.set(smiles, grown);
      if (repeatedly) queue.push(grown);
    }
  }
  return found;
}

/** @returns {Promise<(smiles: string) => string | undefined>} */
async function canonicaliser() {
  const rdkit = await loadRdkit();
  return (smiles) => {
    const molecule = rdkit.get_mol(smiles);
    if (molecule === null) return undefined;
    const canonical = molecule.get_smiles();
    molecule.delete();
    return canonical;
  };
}
