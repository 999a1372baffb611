// Makes the molecules on which `molecules/small` is trained: node tooling/models/molecules/make-molecules.mjs [--heavy-atoms 7]
//   [--atoms 16] [--count 6000] [--seed 0] [--out tooling/models/molecules/small-molecules.json.gz]
// All molecules of one heavy atom less than the most are taken, and as many of the largest, drawn by chance, as fill the count.
import { writeFile } from "node:fs/promises";
import { parseArgs } from "node:util";
import { RandomKey } from "@diffusiongym/core";
import { conformerMaker } from "./conformers.mjs";
import { writeDataSet } from "./data-file.mjs";
import { enumerateMolecules } from "./enumerate.mjs";
import { statistics } from "./statistics.mjs";

const { values: options } = parseArgs({
  options: {
    "heavy-atoms": { type: "string", default: "7" },
    atoms: { type: "string", default: "16" },
    count: { type: "string", default: "6000" },
    seed: { type: "string", default: "0" },
    out: { type: "string", default: new URL("small-molecules.json.gz", import.meta.url).pathname },
  },
});
const heavyAtoms = Number(options["heavy-atoms"]);
const key = RandomKey.fromSeed(Number(options.seed));

const all = await enumerateMolecules(heavyAtoms, Number(options.atoms), (line) => console.log(line));
const isLargest = (/** @type {string} */ smiles) => (smiles.match(/[CNOFcno]/g) ?? []).length === heavyAtoms;
const smaller = all.filter((smiles) => !isLargest(smiles));
const largest = all.filter(isLargest);
const drawn = Array.from(key.fold("choice").stream().permutation(largest.length), (index) => largest[index] ?? "");
const chosen = [...smaller, ...drawn.slice(0, Math.max(0, Number(options.count) - smaller.length))];
console.log(`${all.length} molecules, ${chosen.length} of them chosen`);

const make = await conformerMaker();
const made = [];
for (const [index, smiles] of chosen.entries()) {
  const streams = key.fold(smiles);
  // A start that relaxes into something else is drawn anew.
  let molecule;
  for (let attempt = 0; molecule === undefined && attempt < 3; attempt++) {
    molecule = make(smiles, streams.stream(attempt));
  }
  if (molecule !== undefined) made.push({ smiles, molecule });
  if ((index + 1) % 500 === 0) console.log(`${index + 1} relaxed, ${index + 1 - made.length} refused`);
}
const molecules = made.map(({ molecule }) => molecule);
const about =
  `${made.length} molecules of C, N, O, F and H with up to ${heavyAtoms} heavy atoms and ${options.atoms} atoms in all, enumerated by rules ` +
  `(seed ${options.seed}), hydrogens explicit, relaxed in MMFF94 by openchemlib; canonical SMILES by RDKit. Made by tooling/models/molecules.`;
await writeDataSet(options.out, { about, smiles: made.map(({ smiles }) => smiles), molecules });
await writeFile(
  options.out.replace(/\.json\.gz$/, ".statistics.json"),
  `${JSON.stringify(statistics(molecules), undefined, 2)}\n`,
);
