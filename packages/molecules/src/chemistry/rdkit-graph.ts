import type { RdkitMolecule } from "../rdkit/index.js";

/** RDKit's own JSON of a molecule, as far as it is read here; what is 6, 0 or 1 by default is left out. */
interface RdkitJson {
  readonly molecules: readonly {
    readonly atoms: readonly { readonly z?: number; readonly chg?: number }[];
    readonly bonds: readonly { readonly bo?: number; readonly atoms: readonly [number, number] }[];
    readonly extensions: readonly {
      readonly aromaticAtoms?: readonly number[];
      readonly aromaticBonds?: readonly number[];
      readonly atomRings?: readonly (readonly number[])[];
    }[];
  }[];
}

/** A sanitised molecule as RDKit sees it: charges separated, rings perceived, aromatic or not. */
export interface RdkitGraph {
  /** Atomic numbers, one an atom. */
  readonly atomicNumbers: readonly number[];
  /** Formal charges, one an atom. */
  readonly charges: readonly number[];
  readonly bonds: readonly {
    readonly from: number;
    readonly to: number;
    /** 1, 2 or 3; in aromatic rings single and double bonds alternate. */
    readonly order: number;
    readonly aromatic: boolean;
  }[];
  readonly aromaticAtoms: ReadonlySet<number>;
  readonly ringAtoms: ReadonlySet<number>;
}

/** Reads what RDKit knows of a molecule. */
export function rdkitGraph(molecule: RdkitMolecule): RdkitGraph {
  const { atoms, bonds, extensions } = (JSON.parse(molecule.get_json()) as RdkitJson).molecules[0]!;
  const { aromaticAtoms = [], aromaticBonds = [], atomRings = [] } = extensions[0] ?? {};
  const aromatic = new Set(aromaticBonds);
  return {
    atomicNumbers: atoms.map(({ z = 6 }) => z),
    charges: atoms.map(({ chg = 0 }) => chg),
    bonds: bonds.map(({ bo = 1, atoms: [from, to] }, k) => ({ from, to, order: bo, aromatic: aromatic.has(k) })),
    aromaticAtoms: new Set(aromaticAtoms),
    ringAtoms: new Set(atomRings.flat()),
  };
}
