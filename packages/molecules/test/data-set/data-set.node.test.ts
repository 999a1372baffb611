import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fromMolecules, toMolecules, toSmiles } from "@diffusiongym/molecules";
import { describe, expect, it } from "vitest";
import { readDataSet, writeDataSet } from "../../../../tooling/models/molecules/data-file.mjs";
import { enumerateMolecules } from "../../../../tooling/models/molecules/enumerate.mjs";
import { statistics } from "../../../../tooling/models/molecules/statistics.mjs";

const folder = new URL("../../../../tooling/models/molecules/", import.meta.url);
const data = await readDataSet(new URL("small-molecules.json.gz", folder));
const heavy = (elements: readonly string[]): number => elements.filter((element) => element !== "H").length;

describe("the molecules on which molecules/small is trained", () => {
  it("are as many and as large as their statistics say, each once", async () => {
    const written = JSON.parse(await readFile(new URL("small-molecules.statistics.json", folder), "utf8"));
    expect(statistics(data.molecules)).toEqual(written);
    expect(data.molecules).toHaveLength(8000);
    expect(new Set(data.smiles).size).toBe(8000);
    expect(Math.max(...data.molecules.map(({ elements }) => elements.length))).toBe(16);
    expect(Math.max(...data.molecules.map(({ elements }) => heavy(elements)))).toBe(7);
  });

  it("are what their SMILES say, also after a graph", async () => {
    const some = data.molecules.map((_, i) => i).filter((i) => i % 160 === 0 || heavy(data.molecules[i]!.elements) < 4);
    const decoded = toMolecules(fromMolecules(some.map((i) => data.molecules[i]!)));
    expect(await toSmiles(decoded)).toEqual(some.map((i) => data.smiles[i]));
  });

  it("have bonds of a bond's length, and nothing else so near", () => {
    const wrong = data.molecules.filter(({ elements, bonds, positions }) => {
      const bonded = new Set(bonds.map(({ from, to }) => Math.min(from, to) * 100 + Math.max(from, to)));
      return elements.some((a, i) =>
        elements.some((b, j) => {
          const [dx, dy, dz] = [0, 1, 2].map((axis) => positions[3 * i + axis]! - positions[3 * j + axis]!);
          const farthest = a === "H" || b === "H" ? 1.2 : 1.66;
          return i < j && Math.hypot(dx!, dy!, dz!) < farthest !== bonded.has(i * 100 + j);
        }),
      );
    });
    expect(wrong).toEqual([]);
  });

  it("are, up to four heavy atoms, all that the rules keep", async () => {
    const small = data.smiles.filter((_, i) => heavy(data.molecules[i]!.elements) <= 4);
    expect(await enumerateMolecules(4, 16)).toEqual(small);
  });

  it("survive their file", async () => {
    const path = join(await mkdtemp(join(tmpdir(), "diffusiongym-")), "some.json.gz");
    const some = { about: "some", smiles: data.smiles.slice(0, 50), molecules: data.molecules.slice(0, 50) };
    await writeDataSet(path, some);
    expect(await readDataSet(path)).toEqual(some);
    await rm(join(path, ".."), { recursive: true });
  });
});
