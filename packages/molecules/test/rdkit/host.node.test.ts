import { describe, expect, it } from "vitest";
import { importRdkit, loadRdkit, RdkitHost, type RdkitMolecule } from "../../src/rdkit/index.js";
import { joined, recordOf } from "../molecule-records.js";

const ethanol = recordOf({
  elements: ["C", "C", "O", "H", "H", "H", "H", "H", "H"],
  charges: [0, 0, 0, 0, 0, 0, 0, 0, 0],
  bonds: [
    [0, 1, 1],
    [1, 2, 1],
    [0, 3, 1],
    [0, 4, 1],
    [0, 5, 1],
    [1, 6, 1],
    [1, 7, 1],
    [2, 8, 1],
  ],
});
/** Branches so deep that RDKit's parser overruns its stack, which kills the instance. */
const deadly = `${"C(".repeat(200_000)}C${")".repeat(200_000)}`;

describe("the host of RDKit", () => {
  it("is shared", async () => {
    expect(await loadRdkit("Tests")).toBe(await loadRdkit("Other tests"));
  });

  it("reads a record as it is, with hydrogens as atoms or as counts", async () => {
    const rdkit = await loadRdkit("Tests");
    const [atoms, heavy, smiles] = (await rdkit.use((scope) => [
      scope.read(ethanol)!.get_num_atoms(),
      scope.read(ethanol, { hydrogens: false })!.get_num_atoms(),
      scope.read(ethanol, { hydrogens: false })!.get_smiles(),
    ]))!;
    expect([atoms, heavy, smiles]).toEqual([9, 3, "CCO"]);
  });

  it("implies no hydrogens", async () => {
    const rdkit = await loadRdkit("Tests");
    expect(await rdkit.use((scope) => scope.read(joined(2, [[0, 1]]))!.get_smiles())).toBe("[C][C]");
  });

  it("tells mirror images apart by their positions, and not without them", async () => {
    const rdkit = await loadRdkit("Tests");
    const positions = Float32Array.of(0, 0, 0, 1.3, 0, 0, -0.4, 1.3, 0, -0.4, -0.6, 1.1, -0.4, -0.6, -1.1);
    const chiral = recordOf(
      {
        elements: ["C", "F", "Cl", "Br", "H"],
        charges: [0, 0, 0, 0, 0],
        bonds: [
          [0, 1, 1],
          [0, 2, 1],
          [0, 3, 1],
          [0, 4, 1],
        ],
      },
      positions,
    );
    const mirrored = { ...chiral, positions: positions.map((value, k) => (k % 3 === 2 ? -value : value)) };
    const [one, other, flat] = (await rdkit.use((scope) =>
      [
        scope.read(chiral, { hydrogens: false }),
        scope.read(mirrored, { hydrogens: false }),
        scope.read(chiral, { hydrogens: false, coordinates: false }),
      ].map((molecule) => molecule!.get_smiles()),
    ))!;
    expect(new Set([one, other])).toEqual(new Set(["F[C@H](Cl)Br", "F[C@@H](Cl)Br"]));
    expect(flat).toBe("FC(Cl)Br");
  });

  it("reads positions of any size, and refuses infinite ones", async () => {
    const rdkit = await loadRdkit("Tests");
    const at = (value: number) => ({ ...joined(1, []), positions: new Float32Array(3).fill(value) });
    const read = [1e-30, 1e4, 1e20, Number.POSITIVE_INFINITY].map((value) =>
      rdkit.use((scope) => scope.read(at(value)) !== undefined),
    );
    expect(await Promise.all(read)).toEqual([true, true, true, false]);
  });

  it("deletes what work made, also when it throws", async () => {
    const rdkit = await loadRdkit("Tests");
    const kept = await rdkit.use((scope) => scope.parse("CCO")!);
    expect(() => kept!.get_smiles()).toThrow("deleted object");
    let thrown: RdkitMolecule | undefined;
    const failing = rdkit.use((scope) => {
      thrown = scope.parse("CCN");
      throw new Error("a mistake of the work");
    });
    await expect(failing).rejects.toThrow("a mistake of the work");
    expect(() => thrown!.get_smiles()).toThrow("deleted object");
  });

  it("replaces an instance that died, compiles its queries anew, and finishes the batch", async () => {
    const host = await RdkitHost.start(await importRdkit("Tests"));
    const matches = (text: string) =>
      host.use((scope) => {
        const molecule = scope.parse(text)!;
        return molecule.get_substruct_match(scope.query("[OH]")) !== "{}";
      });
    const found = await Promise.all(["CCO", deadly, "CO", "CC"].map(matches));
    expect(found).toEqual([true, undefined, true, false]);
    // It killed the first instance, and then the one that replaced it.
    expect(host.deaths).toBe(2);
  });

  it("runs work again when the instance died under it for another reason", async () => {
    const host = await RdkitHost.start(await importRdkit("Tests"));
    let runs = 0;
    const smiles = await host.use((scope) => {
      runs++;
      scope.parse(runs === 1 ? deadly : "C");
      return scope.parse("OC")!.get_smiles();
    });
    expect([runs, smiles, host.deaths]).toEqual([2, "CO", 1]);
  });

  it("takes an exception of RDKit as a refusal, and refuses queries that are none", async () => {
    const rdkit = await loadRdkit("Tests");
    const before = rdkit.deaths;
    expect(await rdkit.use((scope) => scope.parse("CCO")!.get_morgan_fp_as_uint8array("no JSON"))).toBeUndefined();
    expect(rdkit.deaths).toBe(before);
    await expect(rdkit.use((scope) => scope.query("[[["))).rejects.toMatchObject({ name: "ArgumentError" });
    expect(await rdkit.use((scope) => scope.parse("C(C)(C)(C)(C)C"))).toBeUndefined();
  });

  it("says how to install RDKit where it is missing", async () => {
    const missing = importRdkit("SMILES strings", () => Promise.reject(new Error("Cannot find package")));
    await expect(missing).rejects.toMatchObject({ name: "MissingPackageError", packageName: "@rdkit/rdkit" });
    await expect(missing).rejects.toThrow("npm install @rdkit/rdkit");
  });
});
