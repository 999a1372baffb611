import { ArgumentError } from "@diffusiongym/core";
import type { Molecule } from "../molecule/index.js";
import { LineReader } from "./line-reader.js";
import { readV2000 } from "./read-v2000.js";
import { readV3000 } from "./read-v3000.js";
import { hydrogensAreImplied } from "./valence.js";

/** A molblock's molecule and its first line. */
export interface TitledMolecule {
  readonly molecule: Molecule;
  /** Name of the molecule; one line. @default "" */
  readonly title?: string;
}

/** Beyond this, coordinates in fixed notation become longer than the format's lines. */
const farthest = 1e9;

/**
 * A V3000 molblock (CTfile), which, unlike V2000, has no limit of 999 atoms and takes coordinates of any size. Positions are
 * in angstrom, to 4 decimals. All hydrogens are atoms; where a reader would add more, `VAL=-1` tells it not to.
 * @throws ArgumentError for a coordinate that is not finite, or a title of several lines
 */
export function writeMolblock(molecule: Molecule, title = ""): string {
  if (/[\r\n]/.test(title) || title.startsWith("$$$$")) {
    throw new ArgumentError(`A molblock's title is one line, got ${JSON.stringify(title)}.`, "title", title);
  }
  const { elements, charges, bonds, positions } = molecule;
  const implied = hydrogensAreImplied(molecule);
  const lines = [
    title,
    "  diffusiongym          3D",
    "",
    "  0  0  0     0  0            999 V3000",
    "M  V30 BEGIN CTAB",
    `M  V30 COUNTS ${elements.length} ${bonds.length} 0 0 0`,
    "M  V30 BEGIN ATOM",
  ];
  for (const [i, symbol] of elements.entries()) {
    const place = [0, 1, 2].map((axis) => written(positions[3 * i + axis]!, i)).join(" ");
    const charge = charges[i] === 0 ? "" : ` CHG=${charges[i]}`;
    lines.push(`M  V30 ${i + 1} ${symbol} ${place} 0${charge}${implied[i] ? " VAL=-1" : ""}`);
  }
  lines.push("M  V30 END ATOM");
  if (bonds.length > 0) {
    lines.push("M  V30 BEGIN BOND");
    for (const [k, { from, to, order }] of bonds.entries()) {
      lines.push(`M  V30 ${k + 1} ${order === "aromatic" ? 4 : order} ${from + 1} ${to + 1}`);
    }
    lines.push("M  V30 END BOND");
  }
  lines.push("M  V30 END CTAB", "M  END");
  return `${lines.join("\n")}\n`;
}

/**
 * Reads a molblock of version V3000 or V2000: elements, charges, bonds and coordinates. Hydrogens that are not listed are
 * not added; stereochemistry, isotopes and radicals are not kept.
 * @throws FormatError with the number of the line that is wrong
 */
export function readMolblock(text: string): Molecule {
  return readTitled(new LineReader(text, "molblock")).molecule;
}

/** Reads the molblock that begins at the reader's next line, through its "M  END". */
export function readTitled(reader: LineReader): Required<TitledMolecule> {
  const title = reader.take("the title").trim();
  reader.take("the program's line");
  reader.take("the comment");
  const counts = reader.take("the line of counts");
  const version = /V(2000|3000)\s*$/.exec(counts)?.[1];
  if (version === undefined) {
    reader.fail("the line of counts must end in V2000 or V3000");
  }
  return { title, molecule: version === "3000" ? readV3000(reader) : readV2000(reader, counts) };
}

function written(value: number, atom: number): string {
  if (!(Math.abs(value) < farthest)) {
    throw new ArgumentError(
      `Atom ${atom} has the coordinate ${value}, which a molblock cannot hold.`,
      "molecule",
      value,
    );
  }
  return value.toFixed(4).replace(/^-(0\.0+)$/, "$1");
}
