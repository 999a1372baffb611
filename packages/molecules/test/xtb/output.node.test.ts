import { describe, expect, it } from "vitest";
import { readXtbOutput } from "../../src/xtb/index.js";
import { golden } from "./programs.js";

const read = (name: string) =>
  readXtbOutput(golden.files[`xtb_fixture_${name}.xtbout.json`]!, golden.files[`xtb_fixture_${name}.out`]!);

describe("what xtb wrote", () => {
  it("is read: water", () => {
    expect(read("O")).toEqual({
      energy: -5.07020957,
      homo: -12.16594765,
      lumo: 1.99525949,
      homoLumoGap: 1.99525949 + 12.16594765,
      dipoleMoment: expect.closeTo(2.2869368808041406, 12),
      polarizability: 9.429073,
      heatCapacity: 8.0039,
    });
  });

  it("is read: formaldehyde", () => {
    expect(read("C_dbl_O")).toMatchObject({ energy: -7.17413845, polarizability: 18.700515, heatCapacity: 8.5109 });
    expect(read("C_dbl_O").dipoleMoment).toBeCloseTo(2.48701460447267, 12);
  });

  it("is read as far as the log goes: hydrogen cyanide, whose run was aborted in the thermochemistry", () => {
    const properties = read("C_trp_N");
    expect(properties).toMatchObject({ energy: -5.50285254, homo: -12.27609078, polarizability: 18.063034 });
    expect(properties).not.toHaveProperty("heatCapacity");
  });

  it("is not made up where the log is cut off anywhere, or is empty", () => {
    const json = golden.files["xtb_fixture_O.xtbout.json"]!;
    const log = golden.files["xtb_fixture_O.out"]!;
    for (let end = 0; end < log.length; end += 97) {
      const { polarizability, heatCapacity } = readXtbOutput(json, log.slice(0, log.lastIndexOf("\n", end) + 1));
      expect([undefined, 9.429073]).toContain(polarizability);
      expect([undefined, 8.0039]).toContain(heatCapacity);
    }
  });

  it("has no LUMO for a lone hydrogen atom", () => {
    const json =
      '{"total energy": -0.39, "orbital energies/eV": [-10.7], "fractional occupation": [1.0], "dipole": [0, 0, 0]}';
    expect(readXtbOutput(json, "")).toEqual({ energy: -0.39, homo: -10.7, dipoleMoment: 0 });
  });

  it.each([
    "",
    "garbage",
    "[]",
    "null",
    "3",
    '{"total energy": "low"}',
    '{"total energy": NaN}',
    '{"total energy": 1e999}',
  ])("is nothing where it is %j", (json) => {
    expect(readXtbOutput(json, "Mol. nothing")).toEqual({});
    expect(readXtbOutput(golden.files["xtb_fixture_O.xtbout.json"]!.slice(0, 300), "")).toEqual({});
  });
});
