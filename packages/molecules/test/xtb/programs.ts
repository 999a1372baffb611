import { spawnSync } from "node:child_process";
import { chmod, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadFixture } from "../../../../tooling/test/fixtures.js";
import type { Molecule } from "../../src/molecule/index.js";
import { type FixtureGraph, recordOf } from "../molecule-records.js";

/** Why tests that run the real xtb are skipped, where it is missing. */
export const withoutXtb = spawnSync("xtb", ["--version"]).status !== 0;
if (withoutXtb) {
  console.warn("xtb is not on the PATH, so the tests that run it are skipped. Install it with: apt-get install xtb");
}

/** A molecule that the reference gave to xtb 6.5.1 through GNU parallel. */
export interface XtbCase {
  readonly group: "molecule";
  readonly name: string;
  readonly xyz: string;
  readonly graph: { readonly atoms: readonly string[] } & Pick<FixtureGraph, "charges" | "bonds">;
  readonly expected: Readonly<Record<string, unknown>> & { readonly heat_capacity: unknown };
}

/** The reference's runs of xtb, and some of its files. */
export const golden = await loadFixture<{
  readonly cases: readonly (
    | XtbCase
    | { readonly group: "relax"; readonly molblock: string; readonly relaxed_xyz: string }
  )[];
  readonly files: Readonly<Record<string, string>>;
}>("packages/molecules/test/fixtures/xtb.json.gz");

/** Those with numbers. */
export const xtbCases = golden.cases.filter((one): one is XtbCase => one.group === "molecule");

/** The record of a case. */
export function moleculeOf({ graph, xyz }: XtbCase): Molecule {
  return recordOf({ ...graph, elements: graph.atoms }, positionsOf(xyz));
}

/** The positions of an xyz file. */
export function positionsOf(xyz: string): number[] {
  return xyz
    .trim()
    .split("\n")
    .slice(2)
    .flatMap((line) => line.trim().split(/\s+/).slice(1).map(Number));
}

/** The case of that SMILES. */
export function named(smiles: string): Molecule {
  return moleculeOf(xtbCases.find(({ name }) => name === smiles)!);
}

/** A folder for one test, with programs that pretend to be xtb, and a folder for the runs. */
export class Stage {
  private constructor(readonly folder: string) {}

  static async open(): Promise<Stage> {
    return new Stage(await mkdtemp(join(tmpdir(), "diffusiongym-test-")));
  }

  /** Writes a shell script that answers `--version` and else does as told; returns its path. */
  async program(body: string): Promise<string> {
    const path = join(this.folder, `xtb-${Math.floor(performance.now() * 1000)}`);
    await writeFile(path, `#!/bin/sh\n[ "$1" = --version ] && exit 0\n${body}\n`);
    await chmod(path, 0o755);
    return path;
  }

  /** What runs left in the folder. */
  async leftovers(): Promise<string[]> {
    return (await readdir(this.folder)).filter((name) => name.startsWith("diffusiongym-xtb-"));
  }

  close(): Promise<void> {
    return rm(this.folder, { recursive: true, force: true });
  }
}
