import { ArgumentError } from "@diffusiongym/core";
import type { Molecule } from "../molecule/index.js";
import { loadRdkit, type RdkitHost } from "../rdkit/index.js";
import { escapeXml } from "./escape.js";
import { formulaOf } from "./formula.js";

/** One picture of the grid. */
export interface Depiction {
  readonly molecule: Molecule;
  /** Written under the SMILES: a reward, for example. @default nothing */
  readonly label?: string;
}

/** How the grid is laid out. Lengths are in pixels. */
export interface DepictionGridOptions {
  /** Pictures in a row. @default 5 */
  readonly columns?: number;
  /** Width of a picture. @default 180 */
  readonly width?: number;
  /** Height of a picture, without its text. @default 140 */
  readonly height?: number;
}

/** Height of a line of text. */
const line = 16;

/**
 * Draws molecules in 2-D by RDKit (`@rdkit/rdkit`), hydrogens left out, with SMILES and label under each, as one SVG that
 * needs no fonts beyond the reader's and no network. An invalid molecule is a grey picture with its formula.
 * @returns an SVG document
 * @throws MissingPackageError when RDKit is not installed
 */
export async function depictionGrid(
  depictions: readonly Depiction[],
  options: DepictionGridOptions = {},
): Promise<string> {
  const { columns = 5, width = 180, height = 140 } = options;
  for (const [name, value, least] of [
    ["columns", columns, 1],
    ["width", width, 40],
    ["height", height, 40],
  ] as const) {
    if (!(Number.isInteger(value) && value >= least && value <= 4000)) {
      throw new ArgumentError(
        `depictionGrid: ${name} must be a whole number from ${least} to 4000, got ${value}.`,
        name,
        value,
      );
    }
  }
  const host = await loadRdkit("Depictions");
  const cell = { width, height: height + 2 * line + 8 };
  const cells: string[] = [];
  for (const [k, depiction] of depictions.entries()) {
    const [x, y] = [(k % columns) * cell.width, Math.floor(k / columns) * cell.height];
    cells.push(`<g transform="translate(${x} ${y})">${await drawCell(host, depiction, width, height)}</g>`);
  }
  const total = {
    width: Math.max(1, Math.min(columns, depictions.length)) * cell.width,
    height: Math.max(1, Math.ceil(depictions.length / columns)) * cell.height,
  };
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" width="${total.width}" height="${total.height}" viewBox="0 0 ${total.width} ${total.height}">` +
    `<rect width="100%" height="100%" fill="#fff"/>${cells.join("")}</svg>\n`
  );
}

async function drawCell(
  host: RdkitHost,
  { molecule, label }: Depiction,
  width: number,
  height: number,
): Promise<string> {
  const details = JSON.stringify({
    width,
    height,
    clearBackground: false,
    bondLineWidth: 1.5,
    padding: 0.08,
    fixedBondLength: 30,
  });
  const drawn = await host.use((scope) => {
    const read = scope.read(molecule, { coordinates: false, hydrogens: false });
    // It comes with all atoms in one place.
    read?.set_new_coords();
    return read && { svg: read.get_svg_with_highlights(details), smiles: read.get_smiles() };
  });
  const picture =
    drawn === undefined
      ? `<rect x="6" y="6" width="${width - 12}" height="${height - 12}" fill="#eee"/>${text("invalid", width, height / 2, "#888")}`
      : inside(drawn.svg);
  const caption = drawn?.smiles ?? formulaOf(molecule.elements);
  return (
    picture +
    text(caption, width, height + line - 3, "#222") +
    (label === undefined ? "" : text(label, width, height + 2 * line - 3, "#666"))
  );
}

/** What an SVG document holds. */
function inside(svg: string): string {
  const start = svg.indexOf(">", svg.indexOf("<svg")) + 1;
  return svg
    .slice(start, svg.lastIndexOf("</svg>"))
    .replace(/<!--.*?-->/gs, "")
    .trim();
}

/** One line in the middle, made smaller rather than wider than the picture. */
function text(content: string, width: number, y: number, fill: string): string {
  // A character of a monospaced font is about 0.6 of its size wide.
  const size = Math.max(4, Math.min(12, (width - 8) / (0.6 * Math.max(1, content.length))));
  return (
    `<text x="${width / 2}" y="${y}" text-anchor="middle" font-family="ui-monospace, Menlo, Consolas, monospace" ` +
    `font-size="${Number(size.toFixed(1))}" fill="${fill}">${escapeXml(content)}</text>`
  );
}
