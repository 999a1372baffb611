import { ArgumentError, FormatError } from "@diffusiongym/core";
import { readXyz, writeXyz } from "@diffusiongym/molecules";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { anyMolecule, benzene, formaldehyde } from "../support/records.js";

describe("XYZ", () => {
  it("gives elements and positions back, frame by frame", () => {
    fc.assert(
      fc.property(fc.array(anyMolecule, { maxLength: 3 }), (molecules) => {
        const frames = molecules.map((molecule, k) => ({ molecule, comment: `frame ${k}` }));
        expect(readXyz(writeXyz(frames))).toEqual(
          frames.map(({ molecule: { elements, positions }, comment }) => ({
            comment,
            molecule: { elements, positions, charges: new Int8Array(elements.length), bonds: [] },
          })),
        );
      }),
      { seed: 1, numRuns: 60 },
    );
    expect(
      writeXyz([{ molecule: formaldehyde }])
        .split("\n")
        .slice(0, 4),
    ).toEqual(["4", "", "C 0.000000 0.000000 0.000000", "O 0.000000 0.000000 1.210000"]);
    expect(readXyz("1\n\n  H\t1 2 3 0.5 extra\n\n")[0]!.molecule.elements).toEqual(["H"]);
  });

  it("refuses damage with the number of the line", () => {
    const cases: readonly (readonly [string, RegExp])[] = [
      ["two\n\nH 0 0 0", /line 1: The number of atoms must be a whole number .* got "two"/],
      ["2\n\nH 0 0 0", /the file ends after line 3, before atom 2 of 2/],
      ["1\n\nH 0 0", /line 3: z must be a number, got ""/],
      ["1\n\nQ 0 0 0", /line 3: "Q" is no element/],
      ["1\n\nH 0 0 0\n1", /ends after line 4, before the comment/],
      ["-1\n\n", /line 1/],
      ["1\n\nH 0 NaN 0", /line 3: y must be a number, got "NaN"/],
    ];
    for (const [text, message] of cases) {
      expect(() => readXyz(text)).toThrowError(FormatError);
      expect(() => readXyz(text)).toThrowError(message);
    }
  });

  it("is not written with what it cannot hold", () => {
    expect(() => writeXyz([{ molecule: benzene, comment: "a\nb" }])).toThrowError(ArgumentError);
    expect(() => writeXyz([{ molecule: { ...benzene, positions: new Float32Array(3) } }])).toThrowError(
      /Atom 1 has the position \(\)/,
    );
    const infinite = { ...formaldehyde, positions: formaldehyde.positions.map(() => Number.POSITIVE_INFINITY) };
    expect(() => writeXyz([{ molecule: infinite }])).toThrowError(/Atom 0/);
  });
});
