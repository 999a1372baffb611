import { readFile, writeFile } from "node:fs/promises";
import { gunzipSync, gzipSync } from "node:zlib";

/**
 * @typedef {import("@diffusiongym/molecules").Molecule} Record
 *
 * @typedef {object} DataSet
 * @property {string} about how it was made
 * @property {string[]} smiles canonical, one a molecule
 * @property {Record[]} molecules
 */

const elements = ["C", "H", "N", "O", "F"];
/** @type {readonly import("@diffusiongym/molecules").BondOrder[]} */
const orders = [1, 2, 3, "aromatic"];
/** Positions are kept in thousandths of an angstrom. */
const unit = 1000;

/**
 * Writes molecules compactly: counts, elements and bonds as bytes, positions as 16-bit thousandths of an angstrom, low bytes and high bytes
 * apart, gzipped. Formal charges are 0.
 * @param {string} path
 * @param {DataSet} data
 */
export async function writeDataSet(path, { about, smiles, molecules }) {
  const positions = molecules.flatMap(({ positions: rows }) =>
    Array.from(rows, (value) => Math.round(unit * value) + 0x8000),
  );
  const bytes = (/** @type {number[]} */ values) => Buffer.from(values).toString("base64");
  const content = {
    about,
    smiles: smiles.join(" "),
    atomCounts: bytes(molecules.map((molecule) => molecule.elements.length)),
    bondCounts: bytes(molecules.map(({ bonds }) => bonds.length)),
    elements: bytes(molecules.flatMap((molecule) => molecule.elements.map((element) => elements.indexOf(element)))),
    bonds: bytes(
      molecules.flatMap(({ bonds }) => bonds.flatMap(({ from, to, order }) => [from, to, orders.indexOf(order)])),
    ),
    positionsLow: bytes(positions.map((value) => value & 0xff)),
    positionsHigh: bytes(positions.map((value) => value >> 8)),
  };
  await writeFile(path, gzipSync(JSON.stringify(content), { level: 9 }));
}

/**
 * @param {string | URL} path
 * @returns {Promise<DataSet>}
 */
export async function readDataSet(path) {
  const content = JSON.parse(gunzipSync(await readFile(path)).toString());
  const bytes = (/** @type {string} */ name) => Buffer.from(content[name], "base64");
  const [atomCounts, bondCounts, types, links] = ["atomCounts", "bondCounts", "elements", "bonds"].map(bytes);
  const [low, high] = ["positionsLow", "positionsHigh"].map(bytes);
  let [atom, bond] = [0, 0];
  const molecules = Array.from(atomCounts ?? [], (count, m) => {
    const [firstAtom, firstBond] = [atom, bond];
    atom += count;
    bond += bondCounts?.[m] ?? 0;
    return {
      elements: Array.from({ length: count }, (_, i) => elements[types?.[firstAtom + i] ?? 0] ?? ""),
      charges: new Int8Array(count),
      bonds: Array.from({ length: bond - firstBond }, (_, k) => {
        const [from = 0, to = 0, order = 0] = links?.subarray(3 * (firstBond + k), 3 * (firstBond + k) + 3) ?? [];
        return { from, to, order: orders[order] ?? 1 };
      }),
      positions: Float32Array.from({ length: 3 * count }, (_, k) => {
        const at = 3 * firstAtom + k;
        return ((low?.[at] ?? 0) + 256 * (high?.[at] ?? 0) - 0x8000) / unit;
      }),
    };
  });
  return { about: content.about, smiles: content.smiles.split(" "), molecules };
}
