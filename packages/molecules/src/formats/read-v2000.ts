import type { Molecule } from "../molecule/index.js";
import type { LineReader } from "./line-reader.js";
import { largestCharge, MoleculeBuilder } from "./molecule-builder.js";

/** What the third column of numbers behind an atom says. */
const chargeCodes = [0, 3, 2, 1, 0, -1, -2, -3];

/** Reads the rest of a V2000 molblock, whose fields have fixed widths, through "M  END". */
export function readV2000(reader: LineReader, counts: string): Molecule {
  const builder = new MoleculeBuilder(reader);
  const atomCount = reader.integer(counts.slice(0, 3), "The number of atoms", 0, 999);
  const bondCount = reader.integer(counts.slice(3, 6), "The number of bonds", 0, 999);
  for (let i = 0; i < atomCount; i++) {
    const line = reader.take(`atom ${i + 1} of ${atomCount}`);
    const place = [line.slice(0, 10), line.slice(10, 20), line.slice(20, 30)];
    const code =
      line.slice(36, 39).trim() === "" ? 0 : reader.integer(line.slice(36, 39), "The code of the charge", 0, 7);
    builder.addAtom(line.slice(31, 34).trim(), place, chargeCodes[code]!);
  }
  for (let k = 0; k < bondCount; k++) {
    const line = reader.take(`bond ${k + 1} of ${bondCount}`);
    builder.addBond(line.slice(6, 9), [line.slice(0, 3), line.slice(3, 6)]);
  }
  let listed = false;
  for (let line = reader.take('"M  END"'); line.trimEnd() !== "M  END"; line = reader.take('"M  END"')) {
    if (line.startsWith("$$$$")) {
      reader.fail('"M  END" is missing before this line');
    }
    if (!line.startsWith("M  CHG")) {
      continue;
    }
    if (!listed) {
      builder.clearCharges();
      listed = true;
    }
    const [count, ...pairs] = line.slice(6).trim().split(/\s+/);
    for (let k = 0; k < reader.integer(count, "The number of charges", 0, 8); k++) {
      const atom = reader.integer(pairs[2 * k], "An atom of M  CHG", 1, atomCount);
      builder.setCharge(atom, reader.integer(pairs[2 * k + 1], "A charge", -largestCharge, largestCharge));
    }
  }
  return builder.build();
}
