import { loadFixture } from "../../../tooling/test/fixtures.js";
import type { BondOrder, Molecule } from "../src/molecule/index.js";

/** A graph as fixtures hold it. */
export interface FixtureGraph {
  readonly elements: readonly string[];
  readonly charges: readonly number[];
  readonly bonds: readonly (readonly [from: number, to: number, order: BondOrder | 4])[];
}

/** The record of a fixture's graph; atoms without positions are all at the origin. */
export function recordOf({ elements, charges, bonds }: FixtureGraph, positions?: ArrayLike<number>): Molecule {
  return {
    elements,
    charges,
    bonds: bonds.map(([from, to, order]) => ({ from, to, order: order === 4 ? "aromatic" : order })),
    positions: positions === undefined ? new Float32Array(3 * elements.length) : Float32Array.from(positions),
  };
}

/** A molecule of one element whose atoms are joined by single bonds. */
export function joined(atoms: number, bonds: readonly (readonly [number, number])[], element = "C"): Molecule {
  return recordOf({
    elements: new Array<string>(atoms).fill(element),
    charges: new Array<number>(atoms).fill(0),
    bonds: bonds.map(([from, to]) => [from, to, 1]),
  });
}

/** True where a positively charged hydrogen is bonded, which RDKit refused in 2022 and accepts in 2026. */
export function hasBondedProton({ elements, charges, bonds }: FixtureGraph): boolean {
  const isProton = (atom: number): boolean => elements[atom] === "H" && charges[atom]! > 0;
  return bonds.some(([from, to]) => isProton(from) || isProton(to));
}

/** What QED is made of. */
export interface ExpectedProperties {
  readonly MW: number;
  readonly ALOGP: number;
  readonly HBA: number;
  readonly HBD: number;
  readonly PSA: number;
  readonly ROTB: number;
  readonly AROM: number;
  readonly ALERTS: number;
}

/** The reference's verdicts and numbers, made with RDKit 2022.09.3. */
export const verdicts = await loadFixture<{
  readonly cases: readonly (FixtureGraph & {
    readonly group: "molecules" | "graphs";
    readonly name: string;
    readonly expected: {
      readonly is_valid: boolean;
      readonly is_not_fragmented: boolean;
      readonly qed_reward: number;
      readonly from_graph?: {
        readonly qed: number;
        readonly qed_properties: ExpectedProperties;
        readonly logP: number;
      };
    };
  })[];
}>("packages/molecules/test/fixtures/verdicts.json.gz");

/** Molecules and damaged ones, judged by Python's RDKit 2026.09.1 (tooling/fixtures/rdkit_molecules.py). */
export const judged = await loadFixture<{
  readonly targets: readonly string[];
  readonly cases: readonly (FixtureGraph & {
    readonly sanitises: boolean;
    readonly pieces?: number;
    readonly qed?: number;
    readonly properties?: ExpectedProperties;
    readonly logp?: number;
    readonly tpsa?: number;
    readonly similarities?: readonly number[];
  })[];
}>("packages/molecules/test/fixtures/rdkit.json.gz");
