import { ForceFieldMMFF94, Molecule, Resources } from "openchemlib";
import { embed } from "./embed.mjs";
import { loadRdkit } from "./rdkit.mjs";

/**
 * @typedef {import("@diffusiongym/core").RandomStream} RandomStream
 * @typedef {import("@diffusiongym/molecules").Molecule} Record
 */

/**
 * Makes 3-D molecules of SMILES: hydrogens, coordinates relaxed in the MMFF94 force field, aromatic bonds as RDKit sees them.
 * @returns {Promise<(smiles: string, stream: RandomStream) => Record | undefined>} undefined where the relaxation failed or it is not the
 *   molecule that was asked for
 */
export async function conformerMaker() {
  Resources.registerFromNodejs();
  const rdkit = await loadRdkit();
  return (smiles, stream) => {
    const molecule = Molecule.fromSmiles(smiles);
    molecule.addImplicitHydrogens();
    const atoms = Array.from({ length: molecule.getAllAtoms() }, (_, i) => i);
    const connections = Array.from({ length: molecule.getAllBonds() }, (_, k) => ({
      from: molecule.getBondAtom(0, k),
      to: molecule.getBondAtom(1, k),
      order: molecule.getBondOrder(k),
    }));
    setPositions(
      molecule,
      embed(
        atoms.map((i) => molecule.getAtomLabel(i)),
        connections,
        stream,
      ),
    );
    if (!relax(molecule)) return undefined;
    const positions = Float32Array.from(
      atoms.flatMap((i) => [molecule.getAtomX(i), molecule.getAtomY(i), molecule.getAtomZ(i)]),
    );
    const elements = atoms.map((i) => molecule.getAtomLabel(i));
    if (!positions.every(Number.isFinite) || !isSound(elements, connections, positions)) return undefined;
    const sanitised = rdkit.get_mol(molecule.toMolfileV3(), JSON.stringify({ removeHs: false }));
    if (sanitised === null) return undefined;
    const json = JSON.parse(sanitised.get_json()).molecules[0];
    sanitised.remove_hs_in_place();
    const same = withoutStereo(rdkit, sanitised.get_smiles()) === smiles;
    sanitised.delete();
    if (!same) return undefined;
    const aromatic = new Set(json.extensions?.[0]?.aromaticBonds ?? []);
    /** @type {import("@diffusiongym/molecules").Bond[]} */
    const bonds = json.bonds.map(
      (/** @type {{ atoms: [number, number], bo?: 1 | 2 | 3 }} */ bond, /** @type {number} */ k) => ({
        from: bond.atoms[0],
        to: bond.atoms[1],
        order: aromatic.has(k) ? "aromatic" : (bond.bo ?? 1),
      }),
    );
    return { elements, charges: new Int8Array(elements.length), bonds, positions };
  };
}

/**
 * Relaxes in place. A linear molecule has no MMFF94 energy and stays as it is.
 * @param {Molecule} molecule
 * @returns {boolean} false where the force field has no parameters for an atom
 */
function relax(molecule) {
  const before = Float64Array.from({ length: 3 * molecule.getAllAtoms() }, (_, k) => {
    const atom = Math.floor(k / 3);
    return [molecule.getAtomX(atom), molecule.getAtomY(atom), molecule.getAtomZ(atom)][k % 3] ?? 0;
  });
  try {
    const field = new ForceFieldMMFF94(molecule, ForceFieldMMFF94.MMFF94);
    field.minimise({ maxIts: 1000 });
    if (!Number.isFinite(field.getTotalEnergy())) setPositions(molecule, before);
    return true;
  } catch {
    return false;
  }
}

/** @param {Molecule} molecule @param {Float64Array} positions */
function setPositions(molecule, positions) {
  for (let i = 0; i < molecule.getAllAtoms(); i++) {
    molecule.setAtomX(i, positions[3 * i] ?? 0);
    molecule.setAtomY(i, positions[3 * i + 1] ?? 0);
    molecule.setAtomZ(i, positions[3 * i + 2] ?? 0);
  }
}

/** @param {import("./rdkit.mjs").Rdkit} rdkit @param {string} smiles */
function withoutStereo(rdkit, smiles) {
  const molecule = rdkit.get_mol(
    smiles
      .replace(/[/\\]/g, "")
      .replace(/\[C@@?H\]/g, "C")
      .replace(/\[C@@?\]/g, "C"),
  );
  const canonical = molecule?.get_smiles();
  molecule?.delete();
  return canonical;
}

/**
 * True where bonded atoms are at a bond's distance and others are not.
 * @param {readonly string[]} elements
 * @param {readonly { from: number, to: number }[]} bonds
 * @param {Float32Array} positions
 */
function isSound(elements, bonds, positions) {
  const bonded = new Set(bonds.flatMap(({ from, to }) => [`${from} ${to}`, `${to} ${from}`]));
  return elements.every((a, i) =>
    elements.slice(0, i).every((b, j) => {
      const distance = Math.hypot(...[0, 1, 2].map((k) => (positions[3 * i + k] ?? 0) - (positions[3 * j + k] ?? 0)));
      const hydrogens = Number(a === "H") + Number(b === "H");
      if (!bonded.has(`${i} ${j}`)) return distance > (hydrogens === 0 ? 1.75 : 1.45);
      return hydrogens === 0 ? distance > 1.1 && distance < 1.65 : distance > 0.9 && distance < 1.15;
    }),
  );
}
