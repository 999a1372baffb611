import type { Molecule } from "../molecule/index.js";
import type { LineReader } from "./line-reader.js";
import { largestCharge, MoleculeBuilder } from "./molecule-builder.js";

const prefix = "M  V30 ";
/** More than any file that fits into memory lists. */
const most = 1e7;

/** Reads the rest of a V3000 molblock: its connection table, through "M  END". */
export function readV3000(reader: LineReader): Molecule {
  const builder = new MoleculeBuilder(reader);
  expect(reader, "BEGIN CTAB");
  const [word, atoms, bonds] = takeWords(reader, "COUNTS");
  if (word !== "COUNTS") {
    reader.fail("COUNTS must come first");
  }
  const atomCount = reader.integer(atoms, "The number of atoms", 0, most);
  const bondCount = reader.integer(bonds, "The number of bonds", 0, most);
  const numbers = new Map<string, string>();
  if (atomCount > 0) {
    expect(reader, "BEGIN ATOM");
  }
  for (let i = 0; i < atomCount; i++) {
    const [index = "", symbol, x, y, z, , ...properties] = takeWords(reader, `atom ${i + 1} of ${atomCount}`);
    if (index === "END" || numbers.has(index)) {
      reader.fail(index === "END" ? `only ${i} of ${atomCount} atoms are listed` : `atom ${index} is listed twice`);
    }
    numbers.set(index, String(i + 1));
    const charge = properties.find((property) => property.startsWith("CHG="))?.slice(4) ?? "0";
    builder.addAtom(symbol, [x, y, z], reader.integer(charge, "CHG", -largestCharge, largestCharge));
  }
  if (atomCount > 0) {
    expect(reader, "END ATOM");
  }
  if (bondCount > 0) {
    expect(reader, "BEGIN BOND");
    for (let k = 0; k < bondCount; k++) {
      const [index, kind, from = "", to = ""] = takeWords(reader, `bond ${k + 1} of ${bondCount}`);
      if (index === "END") {
        reader.fail(`only ${k} of ${bondCount} bonds are listed`);
      }
      for (const end of [from, to]) {
        if (!numbers.has(end)) {
          reader.fail(`a bond's atom "${end}" is not listed`);
        }
      }
      builder.addBond(kind, [numbers.get(from), numbers.get(to)]);
    }
    expect(reader, "END BOND");
  }
  // Groups, collections and stereochemistry, which a record does not hold.
  while (reader.take('"M  END"').trimEnd() !== "M  END") {
    if (reader.peek() === undefined || reader.peek()!.startsWith("$$$$")) {
      reader.fail('"M  END" is missing after this line');
    }
  }
  return builder.build();
}

function expect(reader: LineReader, words: string): void {
  const found = takeWords(reader, words).join(" ");
  // An empty block of bonds is allowed where their number is 0.
  if (found !== words) {
    reader.fail(`"${prefix}${words}" must come here`);
  }
}

/** The words of the next line, and of those that continue it after a dash at its end. */
function takeWords(reader: LineReader, expected: string): string[] {
  let text = "";
  for (let more = true; more; ) {
    const line = reader.take(expected);
    if (!line.startsWith(prefix.trimEnd())) {
      reader.fail(`a line of V3000 begins with "${prefix.trimEnd()}", ${expected} is missing`);
    }
    const part = line.slice(prefix.length).trimEnd();
    more = part.endsWith("-");
    text += more ? part.slice(0, -1) : part;
  }
  return text.trim().split(/\s+/);
}
