import { ArgumentError } from "@diffusiongym/core";
import { depictionGrid } from "@diffusiongym/molecules";
import { describe, expect, it } from "vitest";
import { ammoniumFluoride, benzene, formaldehyde } from "../support/records.js";

const invalid = { ...formaldehyde, bonds: [{ from: 0, to: 1, order: 3 as const }] };

/** Names of the elements of an XML text; fails where they are not nested properly or an entity is unknown. */
function elementsOf(xml: string): string[] {
  const open: string[] = [];
  const names: string[] = [];
  for (const [, end, name, rest] of xml.matchAll(/<(\/?)([A-Za-z]+)((?:[^>"']|"[^"]*"|'[^']*')*)>/g)) {
    if (end === "/") {
      expect(open.pop()).toBe(name);
    } else {
      names.push(name!);
      if (!rest!.endsWith("/")) open.push(name!);
    }
  }
  expect(open).toEqual([]);
  expect(xml).not.toMatch(/&(?!(amp|lt|gt|quot|#39);)/);
  return names;
}

describe("depictionGrid", () => {
  it("is one SVG with a picture, SMILES and label for each molecule, row by row", async () => {
    const svg = await depictionGrid(
      [
        { molecule: benzene, label: "0.44" },
        { molecule: formaldehyde, label: 'QED <"&> 0.3' },
        { molecule: invalid },
        { molecule: ammoniumFluoride },
      ],
      { columns: 3, width: 100, height: 80 },
    );
    const names = elementsOf(svg);
    expect(names.filter((name) => name === "svg")).toHaveLength(1);
    expect(names.filter((name) => name === "g")).toHaveLength(4);
    expect(svg).toMatch(/^<svg [^>]*width="300" height="240" viewBox="0 0 300 240">/);
    expect(svg).toContain('<g transform="translate(200 0)">');
    expect(svg).toContain('<g transform="translate(0 120)">');
    for (const text of ["c1ccccc1", "0.44", "C=O", "QED &lt;&quot;&amp;&gt; 0.3", "invalid", "CH2O", "[F-].[NH4+]"]) {
      expect(svg).toContain(`>${text}</text>`);
    }
    // Six bonds, three of them double; no hydrogens.
    const first = svg.slice(svg.indexOf("translate(0 0)"), svg.indexOf("translate(100 0)"));
    expect(new Set(Array.from(first.matchAll(/bond-\d+/g), ([name]) => name)).size).toBe(6);
    expect(first).not.toContain("atom-6");
    expect(svg).not.toMatch(/https?:\/\/(?!www\.w3\.org)/);
  });

  it("is an empty picture for no molecules", async () => {
    expect(elementsOf(await depictionGrid([]))).toEqual(["svg", "rect"]);
  });

  it("refuses sizes that no picture has", async () => {
    for (const options of [{ columns: 0 }, { width: 10 }, { height: Number.NaN }, { columns: 1.5 }]) {
      await expect(depictionGrid([], options)).rejects.toThrowError(ArgumentError);
    }
  });
});
