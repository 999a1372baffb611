import { Environment, makeBaseModel, ZeroReward } from "@diffusiongym/core";
import { judgeMolecules, type Molecule, toMolecules, toSmiles } from "@diffusiongym/molecules";
import { describe, expect, it } from "vitest";
import { readDataSet } from "../../../../tooling/models/molecules/data-file.mjs";
import { statistics } from "../../../../tooling/models/molecules/statistics.mjs";

const n = 1000;
const dataFile = new URL("../../../../tooling/models/molecules/small-molecules.json.gz", import.meta.url);

describe(`${n} samples of molecules/small`, async () => {
  const data = await readDataSet(dataFile);
  const model = await makeBaseModel("molecules/small");
  const environment = new Environment(model, new ZeroReward(), { steps: 100 });
  const { sample } = await environment.sample(n, { seed: 0, batchSize: 100 });
  const molecules = toMolecules(sample);
  const verdicts = await judgeMolecules(molecules);
  const valid = molecules.filter((_, i) => verdicts[i]!.valid);
  const smiles = (await toSmiles(valid)).filter((one) => one !== undefined);
  const known = new Set(data.smiles);
  const share = {
    valid: valid.length / n,
    unique: new Set(smiles).size / smiles.length,
    novel: smiles.filter((one) => !known.has(one)).length / smiles.length,
    withoutRadicals: valid.filter(isSaturated).length / n,
  };
  const trainedOn = data.molecules.filter(({ elements }) => elements.filter((one) => one !== "H").length <= 6);
  console.log(share, tally(verdicts.map(({ reason }) => reason ?? "valid")));
  console.log("samples", perMolecule(statistics(valid)));
  console.log("data   ", perMolecule(statistics(trainedOn)));

  it("are valid and connected often enough", () => {
    expect(share.valid).toBeGreaterThan(validShare);
  });

  it("differ from each other", () => {
    expect(share.unique).toBeGreaterThan(0.8);
  });
});

/** Four standard errors below what the README says. */
const validShare = 0.68;

/** True when every atom has as many bonds as is usual for it, which validity does not ask for. */
function isSaturated({ elements, bonds, charges }: Molecule): boolean {
  const usual: Record<string, number> = { C: 4, H: 1, N: 3, O: 2, F: 1 };
  const valence = new Float64Array(elements.length);
  for (const { from, to, order } of bonds) {
    valence[from]! += order === "aromatic" ? 1.5 : order;
    valence[to]! += order === "aromatic" ? 1.5 : order;
  }
  const isAromatic = (atom: number): boolean =>
    bonds.some(({ from, to, order }) => order === "aromatic" && (from === atom || to === atom));
  // An aromatic N or O may give a pair of electrons to its ring, which its bonds of 1.5 do not tell.
  return elements.every((element, i) => isAromatic(i) || valence[i] === usual[element]! + charges[i]!);
}

function tally(values: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const value of values) {
    counts[value] = (counts[value] ?? 0) + 1;
  }
  return counts;
}

/** The counts of `statistics`, per molecule. */
function perMolecule({ molecules, ...groups }: ReturnType<typeof statistics>): Record<string, Record<string, string>> {
  return Object.fromEntries(
    Object.entries(groups).map(([group, counts]) => [
      group,
      Object.fromEntries(Object.entries(counts).map(([name, count]) => [name, (count / molecules).toFixed(3)])),
    ]),
  );
}
