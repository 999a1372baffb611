import { ArgumentError } from "@diffusiongym/core";
import { fromMolecules, fromSmiles, toMolecules, toSmiles } from "@diffusiongym/molecules";
import { describe, expect, it } from "vitest";
import { ammoniumFluoride, benzene, formaldehyde } from "../support/records.js";

describe("SMILES", () => {
  it("are written canonically, and not at all for invalid molecules", async () => {
    const broken = { ...formaldehyde, bonds: formaldehyde.bonds.map((bond) => ({ ...bond, order: 3 as const })) };
    expect(await toSmiles([formaldehyde, benzene, broken, ammoniumFluoride])).toEqual([
      "C=O",
      "c1ccccc1",
      undefined,
      "[F-].[NH4+]",
    ]);
    expect(await toSmiles([formaldehyde], { hydrogens: true })).toEqual(["[H]C([H])=O"]);
    expect(await toSmiles([])).toEqual([]);
  });

  it("become molecules with hydrogens and coordinates, which survive a graph", async () => {
    for (const [smiles, formula] of [
      ["OCC", "CCHHHHHHO"],
      ["c1ccoc1", "CCCCHHHHO"],
      ["C[N+](=O)[O-]", "CHHHNOO"],
      ["N#C", "CHN"],
    ] as const) {
      const molecule = await fromSmiles(smiles, { seed: 1 });
      expect([...molecule.elements].sort().join("")).toBe(formula);
      const [canonical] = await toSmiles([molecule]);
      expect(await toSmiles(toMolecules(fromMolecules([molecule])))).toEqual([canonical]);
      for (const { from, to } of molecule.bonds) {
        const length = Math.hypot(
          ...[0, 1, 2].map((k) => molecule.positions[3 * from + k]! - molecule.positions[3 * to + k]!),
        );
        expect(length).toBeGreaterThan(0.9);
        expect(length).toBeLessThan(1.6);
      }
    }
    const furan = await fromSmiles("c1ccoc1");
    expect(furan.bonds.filter(({ order }) => order === "aromatic")).toHaveLength(5);
  });

  it("refuse what RDKit refuses", async () => {
    for (const smiles of ["C(C)(C)(C)(C)C", "not a molecule", ""]) {
      await expect(fromSmiles(smiles)).rejects.toThrowError(ArgumentError);
    }
  });
});
