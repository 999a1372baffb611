/**
 * The rewards of molecules: validity and QED a second, with Python's RDKit on the same molecules in turns where Python is
 * there (DIFFUSIONGYM_PYTHON names one with rdkit); and, where xtb is there, molecules a second of a reward that needs no
 * Hessian against computing it for every property, in as many processes, which is what the Python reference does
 * (`parallel xtb {} --hess`). Aims: 1 time Python on one core, and 2 times the runs with a Hessian.
 *
 *     pnpm bench molecules rewards
 */

import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { gunzipSync } from "node:zlib";
import { makeReward } from "@diffusiongym/core";
import { flowMolVocabulary, fromMolecules, runXtb } from "@diffusiongym/molecules";
import { takeTurns, timed } from "../../../tooling/bench/harness.mjs";
import { Peer } from "../../../tooling/peers/peer.mjs";
import { findPython } from "../../../tooling/peers/python.mjs";

const fixture = (name) =>
  JSON.parse(String(gunzipSync(readFileSync(new URL(`../test/fixtures/${name}.json.gz`, import.meta.url)))));
const recordOf = ({ elements, charges, bonds }, positions) => ({
  elements,
  charges,
  bonds: bonds.map(([from, to, order]) => ({ from, to, order: order === 4 ? "aromatic" : order })),
  positions: positions ?? new Float32Array(3 * elements.length),
});

const speaks = ({ elements, charges }) =>
  elements.every((element) => flowMolVocabulary.elements.includes(element)) &&
  charges.every((charge) => flowMolVocabulary.charges.includes(charge));
const graphs = fixture("rdkit").cases.filter(speaks);
const graph = fromMolecules(
  graphs.map((one) => recordOf(one)),
  { vocabulary: flowMolVocabulary },
);
const atoms = graphs.reduce((sum, { elements }) => sum + elements.length, 0) / graphs.length;
console.log(`${graphs.length} molecules of ${atoms.toFixed(1)} atoms, about half of them valid, one thread`);

const python = findPython(["rdkit"]);
let peer;
if (typeof python === "string") {
  console.log(`Python's RDKit is left out: ${python}`);
} else {
  peer = new Peer(python.path, [fileURLToPath(new URL("rdkit_peer.py", import.meta.url))]);
  const { version } = await peer.ask({ do: "start", graphs });
  console.log(`Python's RDKit ${version}`);
}
for (const name of ["validity", "qed"]) {
  const reward = await makeReward(`molecules/${name}`);
  const contestants = { "@rdkit/rdkit, from graphs": timed(() => reward.evaluate(graph, graph, {})) };
  if (peer) contestants["Python's RDKit"] = async () => (await peer.ask({ do: name })).ms;
  const note = ({ medianMs }) => `${((1000 * graphs.length) / medianMs).toFixed(0)} molecules a second`;
  await takeTurns(`molecules/${name}`, contestants, { repeats: 7, note });
}
await peer?.stop();

if (spawnSync("xtb", ["--version"]).status === 0) {
  const molecules = fixture("xtb")
    .cases.filter(({ group, name }) => group === "molecule" && !["C#N", "[H][H]"].includes(name))
    .map(({ graph: { atoms: elements, ...rest }, xyz }) => {
      const rows = xyz.trim().split("\n").slice(2);
      return recordOf(
        { elements, ...rest },
        Float32Array.from(rows.flatMap((row) => row.trim().split(/\s+/).slice(1).map(Number))),
      );
    });
  await takeTurns(
    `xTB, ${molecules.length} molecules of up to 12 atoms`,
    {
      "without the Hessian: energy, orbitals, dipole, polarizability": timed(() => runXtb(molecules)),
      "with the Hessian, as the reference runs it for every property": timed(() =>
        runXtb(molecules, { hessian: true }),
      ),
    },
    { repeats: 5, warmUp: 1, note: ({ medianMs }) => `${((1000 * molecules.length) / medianMs).toFixed(0)} a second` },
  );
} else {
  console.log("xtb is not on the PATH and left out. Install it with: apt-get install xtb");
}
