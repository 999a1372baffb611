import { ArgumentError, FormatError } from "@diffusiongym/core";
import { type Molecule, readMolblock, readSdf, writeMolblock, writeSdf } from "@diffusiongym/molecules";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ammoniumFluoride, anyMolecule, benzene, formaldehyde } from "../support/records.js";

/** The record as a file gives it back. */
const asRead = (molecule: Molecule): Molecule => ({ ...molecule, charges: Int8Array.from(molecule.charges) });

describe("V3000 molblocks", () => {
  it("give any record back, with positions to four decimals", () => {
    fc.assert(
      fc.property(anyMolecule, (molecule) => {
        expect(readMolblock(writeMolblock(molecule))).toEqual(asRead(molecule));
      }),
      { seed: 1, numRuns: 100 },
    );
    expect(readMolblock(writeMolblock(benzene)).bonds).toEqual(benzene.bonds);
    const nothing: Molecule = { elements: [], charges: new Int8Array(0), bonds: [], positions: new Float32Array(0) };
    expect(readMolblock(writeMolblock(nothing))).toEqual(nothing);
  });

  it("are written as the format has it", () => {
    expect(writeMolblock(formaldehyde, "formaldehyde").split("\n")).toEqual([
      "formaldehyde",
      "  diffusiongym          3D",
      "",
      "  0  0  0     0  0            999 V3000",
      "M  V30 BEGIN CTAB",
      "M  V30 COUNTS 4 3 0 0 0",
      "M  V30 BEGIN ATOM",
      "M  V30 1 C 0.0000 0.0000 0.0000 0",
      "M  V30 2 O 0.0000 0.0000 1.2100 0",
      "M  V30 3 H 0.9400 0.0000 -0.5400 0",
      "M  V30 4 H -0.9400 0.0000 -0.5400 0",
      "M  V30 END ATOM",
      "M  V30 BEGIN BOND",
      "M  V30 1 2 1 2",
      "M  V30 2 1 3 1",
      "M  V30 3 1 1 4",
      "M  V30 END BOND",
      "M  V30 END CTAB",
      "M  END",
      "",
    ]);
  });

  it("tell readers not to add hydrogens, only where they would", () => {
    const atomsOf = (molecule: Molecule): boolean[] =>
      writeMolblock(molecule)
        .split("\n")
        .filter((line) => /^M {2}V30 \d+ [A-Z]/.test(line))
        .map((line) => line.endsWith("VAL=-1"));
    expect(atomsOf(formaldehyde)).toEqual([false, false, false, false]);
    expect(atomsOf(ammoniumFluoride)).toEqual(new Array(6).fill(false));
    expect(atomsOf(benzene)).toEqual(new Array(12).fill(false));
    expect(atomsOf({ ...formaldehyde, bonds: formaldehyde.bonds.slice(0, 2) })).toEqual([true, false, false, true]);
  });

  it("are read with continued lines, other numbers of atoms, groups and CRLF", () => {
    const text = [
      "name",
      "",
      "",
      "  0  0  0     0  0            999 V3000",
      "M  V30 BEGIN CTAB",
      "M  V30 COUNTS 2 1 1 0 1",
      "M  V30 BEGIN ATOM",
      "M  V30 7 O 0 0 -",
      "M  V30 1.5e0 0 CHG=-1 MASS=18",
      "M  V30 3 H 1 0 0 0",
      "M  V30 END ATOM",
      "M  V30 BEGIN BOND",
      "M  V30 1 1 7 3 CFG=1",
      "M  V30 END BOND",
      "M  V30 BEGIN SGROUP",
      "M  V30 1 DAT 0",
      "M  V30 END SGROUP",
      "M  V30 END CTAB",
      "M  END",
    ].join("\r\n");
    expect(readMolblock(text)).toEqual({
      elements: ["O", "H"],
      charges: Int8Array.of(-1, 0),
      bonds: [{ from: 0, to: 1, order: 1 }],
      positions: Float32Array.of(0, 0, 1.5, 1, 0, 0),
    });
  });

  it("refuse damage with the number of the line", () => {
    const good = writeMolblock(formaldehyde);
    const damaged = (line: number, text: string): string =>
      good
        .split("\n")
        .map((old, k) => (k + 1 === line ? text : old))
        .join("\n");
    const cases: readonly (readonly [string, RegExp])[] = [
      ["", /file ends after line 0, before the title/],
      [damaged(4, "  4  3"), /line 4: the line of counts must end in V2000 or V3000/],
      [damaged(5, "M  V30 BEGIN TABLE"), /line 5: .*BEGIN CTAB/],
      [
        damaged(6, "M  V30 COUNTS four 3 0 0 0"),
        /line 6: The number of atoms must be a whole number from 0 to 10000000, got "four"/,
      ],
      [damaged(8, "M  V30 1 Xx 0 0 0 0"), /line 8: "Xx" is no element/],
      [damaged(8, "M  V30 1 C 0 zero 0 0"), /line 8: y must be a number, got "zero"/],
      [damaged(8, "M  V30 1 C 0 1e999 0 0"), /line 8: y must be a number/],
      [damaged(8, "M  V30 1 C 0 0 0 0 CHG=99"), /line 8: CHG must be a whole number from -15 to 15, got "99"/],
      [damaged(9, "M  V30 1 O 0 0 0 0"), /line 9: atom 1 is listed twice/],
      [damaged(11, "M  V30 END ATOM"), /line 11: only 3 of 4 atoms are listed/],
      [damaged(11, "four"), /line 11: a line of V3000 begins with "M {2}V30"/],
      [damaged(14, "M  V30 1 5 1 2"), /line 14: The kind of bond .* got "5"/],
      [damaged(14, "M  V30 1 1 1 9"), /line 14: a bond's atom "9" is not listed/],
      [damaged(15, "M  V30 1 1 2 2"), /line 15: atom 2 is bonded to itself/],
      [damaged(15, "M  V30 2 1 2 1"), /line 15: the atoms 2 and 1 are bonded twice/],
      [damaged(16, "M  V30 END BOND"), /line 16: only 2 of 3 bonds are listed/],
      [good.split("\n").slice(0, 12).join("\n"), /file ends after line 12, before BEGIN BOND/],
      [good.replace("M  END\n", ""), /line 18: "M {2}END" is missing after this line/],
    ];
    for (const [text, message] of cases) {
      expect(() => readMolblock(text), String(message)).toThrowError(FormatError);
      expect(() => readMolblock(text)).toThrowError(message);
    }
    expect(() => readMolblock(undefined as never)).toThrowError(/a string is needed/);
  });

  it("are not written where the format cannot hold a thing", () => {
    const lost = {
      ...formaldehyde,
      positions: formaldehyde.positions.map((value, k) => (k === 4 ? Number.NaN : value)),
    };
    expect(() => writeMolblock(lost)).toThrowError(/Atom 1 has the coordinate NaN/);
    expect(() => writeMolblock(formaldehyde, "two\nlines")).toThrowError(ArgumentError);
  });
});

describe("V2000 molblocks", () => {
  const text = [
    "ammonium",
    "  program",
    "",
    "  3  2  0  0  0  0            999 V2000",
    "    0.0000    0.0000    0.0000 N   0  3  0  0  0  0",
    "    1.0000    0.0000    0.0000 H   0  0",
    "   -1.0000    0.5000   -0.2500 C   0  5  0  0  0  0",
    "  1  2  1  0",
    "  1  3  4  0",
    "M  END",
  ];

  it("are read by the columns of their fields", () => {
    expect(readMolblock(text.join("\n"))).toEqual({
      elements: ["N", "H", "C"],
      charges: Int8Array.of(1, 0, -1),
      bonds: [
        { from: 0, to: 1, order: 1 },
        { from: 0, to: 2, order: "aromatic" },
      ],
      positions: Float32Array.of(0, 0, 0, 1, 0, 0, -1, 0.5, -0.25),
    });
  });

  it("take charges from M  CHG alone where it is given", () => {
    const listed = [...text.slice(0, -1), "M  CHG  2   2   1   3  -2", "M  ISO  1   1  15", "M  END"].join("\n");
    expect(Array.from(readMolblock(listed).charges)).toEqual([0, 1, -2]);
  });

  it("refuse damage with the number of the line", () => {
    const damaged = (line: number, other: string): string =>
      text.map((old, k) => (k + 1 === line ? other : old)).join("\n");
    expect(() => readMolblock(damaged(5, "    0.0000    0.0000"))).toThrowError(/line 5: "" is no element/);
    expect(() => readMolblock(damaged(8, "  1  4  1  0"))).toThrowError(/line 8: An atom of a bond .* 1 to 3, got "4"/);
    expect(() => readMolblock(text.slice(0, -1).join("\n"))).toThrowError(/ends after line 9, before "M {2}END"/);
    expect(() => readMolblock([...text.slice(0, -1), "M  CHG  1   9   1", "M  END"].join("\n"))).toThrowError(
      /line 10: An atom of M {2}CHG/,
    );
  });
});

describe("SDF", () => {
  it("gives molecules, titles and properties back", () => {
    const entries = [
      { molecule: asRead(formaldehyde), title: "one", properties: { reward: "0.25", "SMILES, canonical": "C=O" } },
      { molecule: asRead(benzene), title: "", properties: {} },
      { molecule: asRead(ammoniumFluoride), title: "three", properties: { note: "two\nlines" } },
    ];
    expect(readSdf(writeSdf(entries))).toEqual(entries);
    expect(readSdf("")).toEqual([]);
    expect(readSdf(`${writeSdf(entries)}\n\n`)).toHaveLength(3);
    expect(writeSdf([{ molecule: formaldehyde, properties: { reward: 0.5 } }])).toMatch(
      /M {2}END\n> {2}<reward>\n0.5\n\n\$\$\$\$\n$/,
    );
  });

  it("reads a last molecule without a separator, and fails with the line in the second molecule", () => {
    const two = writeSdf([{ molecule: formaldehyde }, { molecule: benzene }]);
    expect(readSdf(two.replace(/\$\$\$\$\n$/, ""))).toHaveLength(2);
    const lines = two.split("\n");
    lines[lines.indexOf("$$$$") + 8] = "M  V30 1 C here 0 0 0";
    expect(() => readSdf(lines.join("\n"))).toThrowError(/^SDF: line 28: x must be a number, got "here"/);
    expect(() => readSdf(two.replace("$$$$", "odd\n$$$$"))).toThrowError(/a property .* must come here in "odd"/);
  });

  it("refuses properties that would break the file", () => {
    for (const properties of [{ "a>b": 1 }, { "": 1 }, { a: "" }, { a: "x\n\ny" }, { a: "$$$$" }, { a: "b\n> <c>" }]) {
      expect(() =>
        writeSdf([{ molecule: formaldehyde, properties: properties as Record<string, string> }]),
      ).toThrowError(ArgumentError);
    }
  });
});
