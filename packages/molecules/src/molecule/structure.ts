import { atomicNumber } from "./elements.js";
import type { Molecule } from "./molecule.js";
import { type Topology, topologyOf } from "./rings.js";

/** The largest molecule that is judged; larger ones are invalid. */
export const mostAtoms = 1000;
/** The most independent rings that are judged: C60 has 31. RDKit needs seconds to minutes for graphs of many more. */
export const mostRings = 100;

/** The largest sum of the orders of an atom's bonds, charges aside. Nitrogen drawn as N(=O)=O has five. */
const mostBonds = new Map(Object.entries({ H: 1, B: 4, C: 4, N: 5, O: 2, F: 1 }));
/** The same for all other elements, and for aromatic atoms. */
const mostBondsOfOthers = 8;

/** What is wrong with a molecule before any chemistry, or how it hangs together. */
export type Structure =
  | { readonly problem: string; readonly topology?: undefined }
  | { readonly problem?: undefined; readonly topology: Topology };

/**
 * Looks for what no toolkit needs to be asked about, in time linear in the number of atoms: unknown elements, bonds that
 * join nothing, atoms with far too many bonds, aromatic bonds whose atoms are not both part of a ring, hydrogen that is
 * both bonded and positively charged, and sizes that nobody would wait for.
 */
export function structureOf(molecule: Molecule): Structure {
  const problem = sizeProblem(molecule) ?? atomProblem(molecule) ?? bondProblem(molecule) ?? valenceProblem(molecule);
  if (problem !== undefined) {
    return { problem };
  }
  const topology = topologyOf(molecule);
  if (topology.rings > mostRings) {
    return { problem: `it has ${topology.rings} independent rings; more than ${mostRings} are not judged` };
  }
  const aromatic = aromaticProblem(molecule, topology);
  return aromatic === undefined ? { topology } : { problem: aromatic };
}

function sizeProblem({ elements, charges, bonds, positions }: Molecule): string | undefined {
  const atoms = elements.length;
  if (atoms > mostAtoms) {
    return `it has ${atoms} atoms; more than ${mostAtoms} are not judged`;
  }
  if (bonds.length - atoms >= mostRings) {
    return `${bonds.length} bonds between ${atoms} atoms make more than ${mostRings} independent rings, which are not judged`;
  }
  if (charges.length !== atoms || positions.length !== 3 * atoms) {
    return `it has ${atoms} elements, ${charges.length} charges and ${positions.length} coordinates`;
  }
  return undefined;
}

function atomProblem({ elements, charges, positions }: Molecule): string | undefined {
  for (const [i, symbol] of elements.entries()) {
    if (atomicNumber(symbol) === undefined) {
      return `atom ${i} is of no known element`;
    }
    if (!Number.isInteger(charges[i])) {
      return `atom ${i} (${symbol}) has the charge ${charges[i]}, which is no whole number`;
    }
  }
  const lost = positions.findIndex((value) => !Number.isFinite(value));
  return lost === -1 ? undefined : `atom ${Math.floor(lost / 3)} is nowhere: a coordinate is ${positions[lost]}`;
}

function bondProblem({ elements, bonds }: Molecule): string | undefined {
  const atoms = elements.length;
  const seen = new Set<number>();
  for (const [k, { from, to, order }] of bonds.entries()) {
    if (!isIndex(from, atoms) || !isIndex(to, atoms) || from === to) {
      return `bond ${k} joins the atoms ${from} and ${to} of ${atoms}`;
    }
    if (![1, 2, 3, "aromatic"].includes(order)) {
      return `bond ${k} has the order ${order}`;
    }
    const pair = Math.min(from, to) * atoms + Math.max(from, to);
    if (seen.has(pair)) {
      return `the atoms ${from} and ${to} are bonded twice`;
    }
    seen.add(pair);
  }
  return undefined;
}

function isIndex(atom: number, atoms: number): boolean {
  return Number.isInteger(atom) && atom >= 0 && atom < atoms;
}

function valenceProblem({ elements, charges, bonds }: Molecule): string | undefined {
  const orders = new Int32Array(elements.length);
  const aromatic = new Uint8Array(elements.length);
  for (const { from, to, order } of bonds) {
    for (const atom of [from, to]) {
      orders[atom]! += order === "aromatic" ? 1 : order;
      aromatic[atom]! |= order === "aromatic" ? 1 : 0;
    }
  }
  for (const [i, symbol] of elements.entries()) {
    // RDKit lets aromatic atoms have bonds of more than their valence, if the ring can be drawn with double bonds.
    const known = aromatic[i] === 1 ? undefined : mostBonds.get(symbol);
    const limit = (known ?? mostBondsOfOthers) + (symbol === "H" ? 0 : Math.abs(charges[i]!));
    if (orders[i]! > limit) {
      return `atom ${i} (${symbol}) has bonds of order ${orders[i]} in sum; ${limit} is the most`;
    }
    if (symbol === "H" && orders[i]! > 0 && charges[i]! > 0) {
      return `atom ${i} is a hydrogen that is bonded and positively charged`;
    }
  }
  return undefined;
}

function aromaticProblem({ elements, bonds }: Molecule, { bondInRing }: Topology): string | undefined {
  const inRing = new Uint8Array(elements.length);
  for (const [k, { from, to }] of bonds.entries()) {
    if (bondInRing[k] === 1) {
      inRing[from] = 1;
      inRing[to] = 1;
    }
  }
  for (const { from, to, order } of bonds) {
    if (order === "aromatic" && (inRing[from] === 0 || inRing[to] === 0)) {
      return `the aromatic bond between the atoms ${from} and ${to} is outside a ring`;
    }
  }
  return undefined;
}
