import { ArgumentError } from "@diffusiongym/core";
import { LineReader } from "./line-reader.js";
import { readTitled, type TitledMolecule, writeMolblock } from "./molblock.js";

/** One entry of an SDF file. */
export interface SdfEntry extends TitledMolecule {
  /** Data by name, such as rewards: names and values of one line or more, no blank lines within. @default none */
  readonly properties?: Readonly<Record<string, string | number>>;
}

/**
 * An SDF file: V3000 molblocks with their data.
 * @throws ArgumentError for names or values that the format cannot hold
 */
export function writeSdf(entries: readonly SdfEntry[]): string {
  return entries
    .map(({ molecule, title = "", properties = {} }) => {
      const data = Object.entries(properties).map(([name, value]) => {
        const text = String(value);
        if (/[<>\r\n]/.test(name) || name === "") {
          throw new ArgumentError(
            `An SDF property's name is one line without < and >, got ${JSON.stringify(name)}.`,
            "properties",
            name,
          );
        }
        if (/(^|\n)[^\S\n]*(\n|$)/.test(text) || /^(\$\$\$\$|>)/m.test(text)) {
          throw new ArgumentError(
            `The SDF property "${name}" must not be empty, hold blank lines, or begin a line with > or $$$$; got ${JSON.stringify(text)}.`,
            "properties",
            value,
          );
        }
        return `>  <${name}>\n${text}\n\n`;
      });
      return `${writeMolblock(molecule, title)}${data.join("")}$$$$\n`;
    })
    .join("");
}

/**
 * Reads an SDF file of V3000 or V2000 molblocks.
 * @returns its entries; values of properties as text
 * @throws FormatError with the number of the line that is wrong
 */
export function readSdf(text: string): Required<SdfEntry>[] {
  const reader = new LineReader(text, "SDF");
  const entries: Required<SdfEntry>[] = [];
  while (!reader.blank) {
    const titled = readTitled(reader);
    const properties: Record<string, string> = {};
    // A file of one molecule may do without the separator.
    while (!reader.done && !reader.peek()!.startsWith("$$$$")) {
      const line = reader.take('"$$$$"');
      const name = /^>.*?<([^>]+)>/.exec(line)?.[1];
      if (name === undefined) {
        if (line.trim() !== "") {
          reader.fail('a property ("> <name>") or "$$$$" must come here');
        }
        continue;
      }
      const values: string[] = [];
      while (!reader.done && reader.peek()!.trim() !== "" && !reader.peek()!.startsWith("$$$$")) {
        values.push(reader.take("a value"));
      }
      properties[name] = values.join("\n");
    }
    if (!reader.done) {
      reader.take('"$$$$"');
    }
    entries.push({ ...titled, properties });
  }
  return entries;
}
