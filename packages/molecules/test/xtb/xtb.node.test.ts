import { spawnSync } from "node:child_process";
import { mkdir, readFile } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Molecule } from "../../src/molecule/index.js";
import { loadOpenChemLib } from "../../src/openchemlib/index.js";
import { relaxMolecules, runXtb } from "../../src/xtb/index.js";
import { recordOf } from "../molecule-records.js";
import { golden, moleculeOf, named, positionsOf, Stage, withoutXtb, xtbCases } from "./programs.js";

const water = named("O");
const ammonia = named("N");
const results = '{"total energy": -1.5, "orbital energies/eV": [], "fractional occupation": [], "dipole": [0, 0, 1]}';
const nothing: Molecule = { elements: [], charges: [], bonds: [], positions: new Float32Array(0) };

let stage: Stage;
beforeEach(async () => {
  stage = await Stage.open();
});
afterEach(async () => {
  expect(await stage.leftovers()).toEqual([]);
  await stage.close();
});

describe("a program that pretends to be xtb", () => {
  it("gets the file, the total charge, the electrons without a partner, and one thread", async () => {
    const program = await stage.program(
      `echo "$@" > "${stage.folder}/args"; echo "$OMP_NUM_THREADS" >> "${stage.folder}/args"; cat molecule.xyz >> "${stage.folder}/args"; echo '${results}' > xtbout.json`,
    );
    const asked = async (molecule: Molecule, hessian = false) => {
      const [result] = await runXtb([molecule], { program, directory: stage.folder, hessian });
      expect(result!.properties).toEqual({ energy: -1.5, dipoleMoment: 2.5417 });
      return (await readFile(join(stage.folder, "args"), "utf8")).split("\n");
    };
    expect((await asked(water)).slice(0, 5)).toEqual([
      "molecule.xyz --json --chrg 0 --uhf 0",
      "1",
      "3",
      "",
      "O 0.008100 0.397700 0.000000",
    ]);
    expect((await asked(named("CC(=O)[O-]")))[0]).toBe("molecule.xyz --json --chrg -1 --uhf 0");
    expect((await asked(named("[CH3]"), true))[0]).toBe("molecule.xyz --json --chrg 0 --uhf 1 --hess");
  });

  it.each([
    ["prints garbage and writes none", "head -c 100000 /dev/urandom", "wrote no results"],
    ["writes garbage", "head -c 1000 /dev/urandom > xtbout.json", "cannot be read"],
    ["fails after it wrote results", `echo '${results}' > xtbout.json; exit 3`, "exit code 3"],
    ["aborts after it wrote results", `echo '${results}' > xtbout.json; kill -ABRT $$`, "SIGABRT"],
    ["is killed", "kill -KILL $$", "SIGKILL"],
    ["writes half of the results", `printf '{"total energy": -1.5, "dip' > xtbout.json`, "cannot be read"],
    ["has no room on the disk", `ulimit -f 0; echo '${results}' > xtbout.json `, "SIGXFSZ"],
    ["prints without end", "yes", "printed more than"],
  ])("costs one sample when it %s", async (_, body, failure) => {
    const program = await stage.program(
      `if grep -q N molecule.xyz; then ${body}; else echo '${results}' > xtbout.json; fi`,
    );
    const [bad, good] = await runXtb([ammonia, water], { program, directory: stage.folder });
    expect(bad).toEqual({ failure: expect.stringContaining(failure) });
    expect(good!.properties!.energy).toBe(-1.5);
  });

  it("is killed when it hangs, with what it started", async () => {
    const program = await stage.program(`grep -q N molecule.xyz && exec sleep 1000; echo '${results}' > xtbout.json`);
    const found = await runXtb([ammonia, water], { program, directory: stage.folder, timeoutMs: 3000 });
    expect(found[0]!.failure).toBe("it took longer than 3000 ms");
    expect(found[1]!.properties!.energy).toBe(-1.5);
  });

  it("is killed when the signal fires", async () => {
    const program = await stage.program("exec sleep 1000");
    const controller = new AbortController();
    const run = runXtb([water, ammonia, water], { program, directory: stage.folder, signal: controller.signal });
    setTimeout(() => controller.abort("enough"), 300);
    await expect(run).rejects.toMatchObject({ name: "AbortError", reason: "enough" });
    await expect(runXtb([water], { program, signal: controller.signal })).rejects.toMatchObject({ name: "AbortError" });
  });

  it("never sees an empty molecule, which real xtb would ponder for ever, nor atoms on top of each other", async () => {
    const program = await stage.program(`echo seen > "${stage.folder}/seen"; echo '${results}' > xtbout.json`);
    const clash = { ...water, positions: water.positions.map((value) => value * 0.3) };
    const lost = { ...water, positions: water.positions.map((value, k) => (k === 4 ? Number.NaN : value)) };
    const found = await runXtb([nothing, clash, lost], { program, directory: stage.folder });
    expect(found.map(({ failure }) => failure)).toEqual([
      "it has no atoms",
      "two of its atoms are closer than 0.4 angstrom",
      "two of its atoms are closer than 0.4 angstrom",
    ]);
    await expect(readFile(join(stage.folder, "seen"))).rejects.toThrow("ENOENT");
    expect(await runXtb([], { program })).toEqual([]);
  });

  it("runs for two batches at once, each run in a folder of its own, never more than one a core or as many as asked", async () => {
    // Each run leaves a mark while it works, and counts the marks.
    const marks = join(stage.folder, "marks");
    await mkdir(marks);
    const program = await stage.program(
      `touch "${marks}/$$"; sleep 0.05; ls "${marks}" | wc -l >> "${stage.folder}/counts"; [ -e xtbout.json ] && exit 9; rm "${marks}/$$"; echo '${results}' > xtbout.json`,
    );
    const batch = new Array<Molecule>(6).fill(water);
    const both = await Promise.all([
      runXtb(batch, { program, directory: stage.folder, processes: 1 }),
      runXtb(batch, { program, directory: stage.folder, processes: 1 }),
    ]);
    expect(both.flat().every(({ properties }) => properties?.energy === -1.5)).toBe(true);
    const counts = (await readFile(join(stage.folder, "counts"), "utf8")).trim().split("\n").map(Number);
    expect(counts.length).toBe(12);
    expect(Math.max(...counts)).toBeLessThanOrEqual(2);
  });

  it("is asked for with what installs it where it is missing", async () => {
    const missing = runXtb([water], { program: "no-such-xtb" });
    await expect(missing).rejects.toMatchObject({ name: "MissingPackageError", packageName: "xtb" });
    await expect(missing).rejects.toThrow("apt-get install xtb");
    const forbidden = join(stage.folder, "args");
    await expect(runXtb([water], { program: forbidden })).rejects.toThrow("xtb");
  });

  it("needs a folder, and says so when there is none", async () => {
    const program = await stage.program("exit 0");
    for (const directory of [join(stage.folder, "none"), "/dev/full"]) {
      await expect(runXtb([water], { program, directory })).rejects.toMatchObject({
        name: "FileError",
        file: directory,
      });
    }
  });

  it("costs only the samples whose folder is gone", async () => {
    const program = await stage.program(
      `grep -q N molecule.xyz && rm -r ../../diffusiongym-xtb-*; echo '${results}' > xtbout.json`,
    );
    const found = await runXtb([water, ammonia, water], { program, directory: stage.folder, processes: 1 });
    expect(found.map(({ failure }) => failure)).toEqual([
      undefined,
      expect.stringContaining("exit code"),
      expect.stringContaining("its folder could not be used"),
    ]);
  });

  it("leaves nothing behind, even what a process that was killed left is removed by the next", async () => {
    const dead = spawnSync(process.execPath, ["-e", ""]).pid;
    const prefix = `diffusiongym-xtb-${hostname().replaceAll(/[^A-Za-z0-9.]/g, "_")}-`;
    await mkdir(join(stage.folder, `${prefix}${dead}-abc123`, "0"), { recursive: true });
    const alive = join(stage.folder, `${prefix}${process.ppid}-abc123`);
    await mkdir(alive);
    const elsewhere = join(stage.folder, `diffusiongym-xtb-another.machine-${dead}-abc123`);
    await mkdir(elsewhere);
    const program = await stage.program(`echo '${results}' > xtbout.json`);
    await runXtb([water], { program, directory: stage.folder });
    expect((await stage.leftovers()).map((name) => join(stage.folder, name)).sort()).toEqual([alive, elsewhere].sort());
    const { rm } = await import("node:fs/promises");
    await Promise.all([alive, elsewhere].map((folder) => rm(folder, { recursive: true })));
  });

  it.each([{ timeoutMs: 0 }, { timeoutMs: Number.NaN }, { processes: 0 }, { processes: 1.5 }])(
    "is not run with %j",
    async (options) => {
      await expect(runXtb([water], options)).rejects.toMatchObject({ name: "ArgumentError" });
    },
  );
});

describe.skipIf(withoutXtb)("xtb itself", () => {
  it("gives what the reference gives, without the Hessian too", async () => {
    // The reference passes no charge, so its numbers of an ion are those of another species.
    const cases = xtbCases.filter(({ graph }) => graph.charges.every((charge) => charge === 0));
    const found = await runXtb(cases.map(moleculeOf), { directory: stage.folder });
    for (const [i, { name, expected }] of cases.entries()) {
      const properties = found[i]!.properties!;
      const near = (value: number | undefined, golden: unknown, tolerance: number) =>
        typeof golden === "number"
          ? expect(Math.abs(value! - golden), name).toBeLessThanOrEqual(tolerance)
          : expect(value, name).toBeUndefined();
      near(properties.energy, expected.energy, 1e-5);
      near(properties.homo, expected.homo, 1e-3);
      near(properties.lumo, expected.lumo, 1e-3);
      near(properties.homoLumoGap, expected.homo_lumo_gap, 1e-3);
      near(properties.dipoleMoment, expected.dipole_moment, 1e-3);
      near(properties.polarizability, expected.polarizability, 1e-3);
      expect(properties.heatCapacity).toBeUndefined();
    }
  });

  it("gives the reference's heat capacities, and costs only that sample where it aborts: linear molecules", async () => {
    const cases = ["O", "N", "C=O", "C#N"].map((smiles) => xtbCases.find(({ name }) => name === smiles)!);
    const found = await runXtb(cases.map(moleculeOf), { directory: stage.folder, hessian: true });
    for (const [i, { expected }] of cases.slice(0, 3).entries()) {
      expect(found[i]!.properties!.heatCapacity).toBeCloseTo(expected.heat_capacity as number, 1);
    }
    // Debian's build aborts; others may not.
    expect(found[3]!.failure ?? found[3]!.properties!.heatCapacity).toBeDefined();
  });

  it("knows that acetate has an electron more than the reference told it", async () => {
    const acetate = named("CC(=O)[O-]");
    const [ion, neutral] = await runXtb([acetate, { ...acetate, charges: new Int8Array(7) }], {
      directory: stage.folder,
    });
    expect(neutral!.properties!.energy).toBeCloseTo(-13.86287831, 4);
    expect(ion!.properties!.energy!).toBeLessThan(neutral!.properties!.energy! - 0.1);
  });

  it("killed in the middle of a run, or without room on the disk, costs that sample", async () => {
    const killed = await stage.program('xtb "$@" & child=$!; sleep 0.02; kill -KILL $child; wait $child');
    const full = await stage.program('ulimit -f 0; exec xtb "$@"');
    const aspirin = named("c1ccccc1");
    const [cut] = await runXtb([aspirin], { program: killed, directory: stage.folder, hessian: true });
    const [stuck] = await runXtb([water], { program: full, directory: stage.folder });
    expect(cut).toEqual({ failure: expect.stringContaining("it ended with exit code 137") });
    expect(stuck).toEqual({ failure: expect.stringMatching(/^it (ended with|was ended by|wrote no|s results)/) });
  });
});

describe("relaxing", () => {
  it("leaves the reference's relaxed ammonia where it is, and brings it back from elsewhere", async () => {
    const relax = golden.cases.find((one) => one.group === "relax")!;
    const expected = positionsOf((relax as { relaxed_xyz: string }).relaxed_xyz);
    const stretched = { ...ammonia, positions: ammonia.positions.map((value) => 1.2 * value) };
    const [still, back] = await relaxMolecules([ammonia, stretched]);
    for (const [k, value] of expected.entries()) {
      expect(still!.positions[k]).toBeCloseTo(value, 2);
    }
    expect(bondLength(back!, 0, 1)).toBeCloseTo(bondLength(still!, 0, 1), 3);
  });

  it("keeps the order of atoms, hydrogens first or not, and handles aromatic rings", async () => {
    const swapped = (molecule: Molecule): Molecule => {
      const n = molecule.elements.length;
      const at = (i: number) => n - 1 - i;
      return {
        elements: [...molecule.elements].reverse(),
        charges: Array.from(molecule.charges).reverse(),
        bonds: molecule.bonds.map(({ from, to, order }) => ({ from: at(from), to: at(to), order })),
        positions: molecule.positions.map((_, k) => molecule.positions[3 * at(Math.floor(k / 3)) + (k % 3)]!),
      };
    };
    const benzene = named("c1ccccc1");
    const stretched = {
      ...benzene,
      bonds: benzene.bonds.map((bond) =>
        benzene.elements[bond.from] === "C" && benzene.elements[bond.to] === "C"
          ? { ...bond, order: "aromatic" as const }
          : bond,
      ),
      positions: benzene.positions.map((value) => 1.1 * value),
    };
    const [one, other] = await relaxMolecules([stretched, swapped(stretched)]);
    for (const { from, to } of benzene.bonds) {
      const length = bondLength(one!, from, to);
      expect(length).toBeCloseTo(bondLength(benzene, from, to), 2);
      expect(bondLength(other!, 11 - from, 11 - to)).toBeCloseTo(length, 4);
    }
  });

  it("leaves alone what the force field cannot move: linear molecules, radicals, strange elements", async () => {
    const iron = recordOf({ elements: ["Fe", "O"], charges: [0, 0], bonds: [[0, 1, 1]] }, [0, 0, 0, 1.8, 0, 0]);
    const given = [named("C#N"), named("[H]"), named("[H][H]"), named("[CH3]"), iron];
    const relaxed = await relaxMolecules(given);
    for (const [i, { positions }] of relaxed.entries()) {
      expect(positions.every((value) => Number.isFinite(value))).toBe(true);
      expect(positions.length).toBe(given[i]!.positions.length);
    }
  });

  it("says how to install openchemlib where it is missing", async () => {
    const missing = loadOpenChemLib("Relaxing molecules", () => Promise.reject(new Error("Cannot find package")));
    await expect(missing).rejects.toThrow("npm install openchemlib");
  });
});

function bondLength({ positions }: Molecule, a: number, b: number): number {
  return Math.hypot(...[0, 1, 2].map((axis) => positions[3 * a + axis]! - positions[3 * b + axis]!));
}
