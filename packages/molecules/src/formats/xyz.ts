import { ArgumentError } from "@diffusiongym/core";
import type { Molecule } from "../molecule/index.js";
import { LineReader } from "./line-reader.js";
import { MoleculeBuilder } from "./molecule-builder.js";

/** One frame of an XYZ file. */
export interface XyzFrame {
  readonly molecule: Molecule;
  /** Second line of the frame. @default "" */
  readonly comment?: string;
}

/**
 * An XYZ file: elements and positions in angstrom to 6 decimals, one frame after the other. Bonds and charges are not part
 * of the format.
 * @throws ArgumentError for a coordinate that is not finite, or a comment of several lines
 */
export function writeXyz(frames: readonly XyzFrame[]): string {
  return frames
    .map(({ molecule: { elements, positions }, comment = "" }) => {
      if (/[\r\n]/.test(comment)) {
        throw new ArgumentError(
          `The comment of an XYZ frame is one line, got ${JSON.stringify(comment)}.`,
          "comment",
          comment,
        );
      }
      const rows = elements.map((symbol, i) => {
        const place = Array.from(positions.subarray(3 * i, 3 * i + 3));
        if (place.length < 3 || !place.every(Number.isFinite)) {
          throw new ArgumentError(
            `Atom ${i} has the position (${place.join(", ")}); three finite numbers are needed.`,
            "frames",
            place,
          );
        }
        return `${symbol} ${place.map((value) => value.toFixed(6)).join(" ")}\n`;
      });
      return `${elements.length}\n${comment}\n${rows.join("")}`;
    })
    .join("");
}

/**
 * Reads an XYZ file of any number of frames. The records have no bonds and no charges, which the format does not hold;
 * further columns are ignored.
 * @throws FormatError with the number of the line that is wrong
 */
export function readXyz(text: string): Required<XyzFrame>[] {
  const reader = new LineReader(text, "XYZ");
  const frames: Required<XyzFrame>[] = [];
  while (!reader.blank) {
    const count = reader.integer(reader.take("the number of atoms"), "The number of atoms", 0, 1e7);
    const comment = reader.take("the comment");
    const builder = new MoleculeBuilder(reader);
    for (let i = 0; i < count; i++) {
      const [symbol, ...place] = reader
        .take(`atom ${i + 1} of ${count}`)
        .trim()
        .split(/\s+/);
      builder.addAtom(symbol, place);
    }
    frames.push({ molecule: builder.build(), comment });
  }
  return frames;
}
