import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  descriptorsOf,
  measureMolecules,
  morganFingerprint,
  type QedProperties,
  qedOf,
  qedProperties,
  tanimoto,
} from "../../src/chemistry/index.js";
import { loadRdkit } from "../../src/rdkit/index.js";
import { type ExpectedProperties, hasBondedProton, judged, recordOf, verdicts } from "../molecule-records.js";

const whole = ["HBA", "HBD", "ROTB", "AROM", "ALERTS"] as const;

function expectProperties(found: QedProperties, expected: ExpectedProperties): void {
  for (const name of whole) {
    expect(found[name], name).toBe(expected[name]);
  }
  expect(found.MW).toBeCloseTo(expected.MW, 2);
  expect(found.PSA).toBeCloseTo(expected.PSA, 6);
  expect(Math.abs(found.ALOGP - expected.ALOGP)).toBeLessThan(1e-3);
}

describe("QED and its properties", () => {
  const valid = verdicts.cases.filter(({ expected }) => expected.qed_reward > 0);
  it("are the reference's", async () => {
    const found = await measureMolecules(
      valid.map((one) => recordOf(one)),
      qedProperties,
    );
    let compared = 0;
    for (const [i, { name, expected }] of valid.entries()) {
      const properties = found[i];
      if (properties === undefined) {
        expect(["PF6 neutral", "CH4 with charge +1"]).toContain(name);
        continue;
      }
      expectProperties(properties, expected.from_graph!.qed_properties);
      expect(Math.abs(qedOf(properties) - expected.from_graph!.qed), name).toBeLessThan(1e-6);
      compared++;
    }
    expect(compared).toBeGreaterThan(70);
  });

  it("are those of Python's RDKit of the same version, for every molecule that is valid", async () => {
    const sound = judged.cases.filter((one) => one.qed !== undefined && !hasBondedProton(one));
    const found = await measureMolecules(
      sound.map((one) => recordOf(one)),
      (scope, molecule) => ({ properties: qedProperties(scope, molecule), ...descriptorsOf(molecule) }),
    );
    for (const [i, expected] of sound.entries()) {
      const { properties, CrippenClogP, tpsa } = found[i]!;
      expectProperties(properties, expected.properties!);
      expect(Math.abs(qedOf(properties) - expected.qed!)).toBeLessThan(1e-12);
      expect(Math.abs(CrippenClogP - expected.logp!)).toBeLessThan(1e-9);
      expect(Math.abs(tpsa - expected.tpsa!)).toBeLessThan(1e-9);
    }
    expect(sound.length).toBeGreaterThan(400);
  });
});

describe("similarity", () => {
  it("is that of Python's RDKit", async () => {
    const sound = judged.cases.filter((one) => one.similarities !== undefined && !hasBondedProton(one));
    const rdkit = await loadRdkit("Tests");
    const targets = await Promise.all(
      judged.targets.map((smiles) => rdkit.use((scope) => morganFingerprint(scope.parse(smiles)!))),
    );
    const found = await measureMolecules(
      sound.map((one) => recordOf(one)),
      (_, molecule) => targets.map((target) => tanimoto(morganFingerprint(molecule), target!)),
    );
    for (const [i, { similarities }] of sound.entries()) {
      for (const [k, expected] of similarities!.entries()) {
        expect(found[i]![k]).toBeCloseTo(expected, 12);
      }
    }
    expect(found.some((values) => values![0] === 1)).toBe(true);
  });

  it("counts shared bits over all bits", () => {
    const bytes = fc.uint8Array({ minLength: 8, maxLength: 8 });
    fc.assert(
      fc.property(bytes, bytes, (a, b) => {
        const bits = (x: Uint8Array): string => Array.from(x, (byte) => byte.toString(2).padStart(8, "0")).join("");
        const [one, other] = [bits(a), bits(b)];
        const both = [...one].filter((bit, i) => bit === "1" && other[i] === "1").length;
        const either = [...one].filter((bit, i) => bit === "1" || other[i] === "1").length;
        expect(tanimoto(a, b)).toBe(either === 0 ? 1 : both / either);
        expect(tanimoto(a, b)).toBe(tanimoto(b, a));
        expect(tanimoto(a, a)).toBe(1);
      }),
      { seed: 1 },
    );
  });
});
