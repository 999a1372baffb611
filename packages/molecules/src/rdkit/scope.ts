import { ArgumentError } from "@diffusiongym/core";
import { type Molecule, structureOf } from "../molecule/index.js";
import { rdkitBlock } from "./rdkit-block.js";
import type { Deletable, RdkitModule, RdkitMolecule } from "./types.js";

/** How a record becomes a molecule of RDKit. */
export interface ReadOptions {
  /** Whether RDKit gets the positions; without them it is faster, and knows nothing of stereochemistry. @default true */
  readonly coordinates?: boolean;
  /** Whether hydrogens stay atoms; if not, those bonded to another element become part of it. @default true */
  readonly hydrogens?: boolean;
  /** Whether a molecule of several pieces, or of no atoms, is refused. @default false */
  readonly onePiece?: boolean;
}

/** What work on RDKit is given: it makes molecules, and all of them are deleted when the work is done. */
export interface RdkitScope {
  /**
   * A sanitised molecule; hydrogens that are no atoms are not implied.
   * @returns undefined when the molecule is invalid, found by `structureOf` or by RDKit
   */
  read(molecule: Molecule, options?: ReadOptions): RdkitMolecule | undefined;
  /**
   * A sanitised molecule from SMILES or a molblock.
   * @param details RDKit's own, `{ removeHs: false }` for example
   * @returns undefined when RDKit refuses the text
   */
  parse(text: string, details?: object): RdkitMolecule | undefined;
  /**
   * A query, compiled once an instance. Do not keep it beyond the work.
   * @throws ArgumentError when RDKit does not understand it
   */
  query(smarts: string): RdkitMolecule;
}

/** True for errors after which an instance must not be used: its stack and its memory are in an unknown state. */
function isFatal(error: unknown): boolean {
  return error instanceof WebAssembly.RuntimeError || error instanceof RangeError;
}

/** One instance with its compiled queries, and scopes on it. */
export class RdkitInstance {
  readonly #module: RdkitModule;
  #dead = false;
  readonly #queries = new Map<string, RdkitMolecule & Deletable>();

  constructor(module: RdkitModule) {
    this.#module = module;
  }

  /** True once work has ended in an error that leaves the instance in an unknown state. */
  get dead(): boolean {
    return this.#dead;
  }

  /** Runs work and deletes every molecule that it made, also when it throws. */
  run<T>(work: (scope: RdkitScope) => T): T {
    const made: Deletable[] = [];
    const keep = (molecule: (RdkitMolecule & Deletable) | null): RdkitMolecule | undefined => {
      if (molecule === null) {
        return undefined;
      }
      made.push(molecule);
      return molecule;
    };
    const scope: RdkitScope = {
      read: (molecule, { coordinates = true, hydrogens = true, onePiece = false } = {}) => {
        const { topology } = structureOf(molecule);
        if (topology === undefined || (onePiece && topology.pieces !== 1)) {
          return undefined;
        }
        // Looking for stereochemistry takes a quarter of the time.
        const details = JSON.stringify({ removeHs: !hydrogens, assignStereo: coordinates });
        return keep(this.#module.get_mol(rdkitBlock(molecule, coordinates), details));
      },
      parse: (text, details) => keep(this.#module.get_mol(text, details === undefined ? "" : JSON.stringify(details))),
      query: (smarts) => this.#query(smarts),
    };
    try {
      return work(scope);
    } catch (error) {
      this.#dead = isFatal(error);
      throw error;
    } finally {
      // The memory of a dead instance goes as a whole.
      for (const molecule of this.#dead ? [] : made) {
        molecule.delete();
      }
    }
  }

  #query(smarts: string): RdkitMolecule {
    const known = this.#queries.get(smarts);
    if (known !== undefined) {
      return known;
    }
    const query = this.#module.get_qmol(smarts);
    if (query === null) {
      throw new ArgumentError(`"${smarts}" is no SMARTS pattern that RDKit understands.`, "smarts", smarts);
    }
    this.#queries.set(smarts, query);
    return query;
  }
}
