import { atomicNumber, type Bond, type BondOrder, type Molecule } from "../molecule/index.js";
import type { LineReader } from "./line-reader.js";

/** Collects the atoms and bonds that a file lists, refusing at once, with the line, what no molecule has. */
export class MoleculeBuilder {
  readonly #reader: LineReader;
  readonly #elements: string[] = [];
  readonly #charges: number[] = [];
  readonly #positions: number[] = [];
  readonly #bonds: Bond[] = [];
  readonly #pairs = new Set<string>();

  constructor(reader: LineReader) {
    this.#reader = reader;
  }

  /** @param place x, y and z as the file writes them */
  addAtom(symbol: string | undefined, place: readonly (string | undefined)[], charge = 0): void {
    if (symbol === undefined || atomicNumber(symbol) === undefined) {
      this.#reader.fail(`"${symbol ?? ""}" is no element`);
    }
    this.#elements.push(symbol);
    this.#charges.push(charge);
    this.#positions.push(...["x", "y", "z"].map((axis, k) => this.#reader.number(place[k], axis)));
  }

  /** @param atom number of the atom, from 1 */
  setCharge(atom: number, charge: number): void {
    this.#charges[atom - 1] = charge;
  }

  /** Forgets the charges, which a later list replaces. */
  clearCharges(): void {
    this.#charges.fill(0);
  }

  /**
   * @param kind 1, 2, 3, or 4 for aromatic
   * @param ends numbers of the two atoms, from 1
   */
  addBond(kind: string | undefined, ends: readonly (string | undefined)[]): void {
    const reader = this.#reader;
    const type = reader.integer(kind, "The kind of bond (1, 2, 3, or 4 for aromatic)", 1, 4);
    const [from, to] = ends.map((end) => reader.integer(end, "An atom of a bond", 1, this.#elements.length)) as [
      number,
      number,
    ];
    const pair = `${Math.min(from, to)} ${Math.max(from, to)}`;
    if (from === to || this.#pairs.has(pair)) {
      reader.fail(from === to ? `atom ${from} is bonded to itself` : `the atoms ${from} and ${to} are bonded twice`);
    }
    this.#pairs.add(pair);
    this.#bonds.push({ from: from - 1, to: to - 1, order: type === 4 ? "aromatic" : (type as BondOrder) });
  }

  /** What was collected. */
  build(): Molecule {
    return {
      elements: this.#elements,
      charges: Int8Array.from(this.#charges),
      bonds: this.#bonds,
      positions: Float32Array.from(this.#positions),
    };
  }
}

/** The largest formal charge that is read; one byte holds it. */
export const largestCharge = 15;
