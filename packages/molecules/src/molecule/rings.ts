import type { Molecule } from "./molecule.js";

/** How the atoms of a molecule hang together. */
export interface Topology {
  /** Number of connected pieces; 0 without atoms. */
  readonly pieces: number;
  /** Rings that cannot be made of others: bonds - atoms + pieces. */
  readonly rings: number;
  /** 1 for each bond that is part of a ring; shape [bonds]. */
  readonly bondInRing: Uint8Array;
}

/**
 * Finds pieces and rings by one depth-first search without recursion, so that a chain of any length can be walked. A bond
 * is part of a ring unless it is the only way between its two sides (Tarjan 1974).
 * @param molecule whose bonds join two different atoms that exist
 */
export function topologyOf({ elements, bonds }: Pick<Molecule, "elements" | "bonds">): Topology {
  const atoms = elements.length;
  const { offsets, incident } = incidentBonds(atoms, bonds);
  const order = new Int32Array(atoms).fill(-1);
  const lowest = new Int32Array(atoms);
  const arrivedBy = new Int32Array(atoms).fill(-1);
  const cursor = offsets.slice(0, atoms);
  const bondInRing = new Uint8Array(bonds.length).fill(1);
  const path = new Int32Array(atoms);
  let [visited, pieces] = [0, 0];
  for (let root = 0; root < atoms; root++) {
    if (order[root] !== -1) {
      continue;
    }
    pieces++;
    let depth = 0;
    path[0] = root;
    order[root] = lowest[root] = visited++;
    while (depth >= 0) {
      const atom = path[depth]!;
      if (cursor[atom]! < offsets[atom + 1]!) {
        const bond = incident[cursor[atom]!++]!;
        const next = bonds[bond]!.from === atom ? bonds[bond]!.to : bonds[bond]!.from;
        if (bond === arrivedBy[atom]) {
          continue;
        }
        if (order[next] === -1) {
          arrivedBy[next] = bond;
          order[next] = lowest[next] = visited++;
          path[++depth] = next;
        } else {
          lowest[atom] = Math.min(lowest[atom]!, order[next]!);
        }
        continue;
      }
      depth--;
      if (depth >= 0) {
        const parent = path[depth]!;
        lowest[parent] = Math.min(lowest[parent]!, lowest[atom]!);
        if (lowest[atom]! > order[parent]!) {
          bondInRing[arrivedBy[atom]!] = 0;
        }
      }
    }
  }
  return { pieces, rings: bonds.length - atoms + pieces, bondInRing };
}

/** Which bonds each atom has, in compressed rows. */
function incidentBonds(atoms: number, bonds: Molecule["bonds"]): { offsets: Int32Array; incident: Int32Array } {
  const offsets = new Int32Array(atoms + 1);
  for (const { from, to } of bonds) {
    offsets[from + 1]!++;
    offsets[to + 1]!++;
  }
  for (let atom = 0; atom < atoms; atom++) {
    offsets[atom + 1]! += offsets[atom]!;
  }
  const incident = new Int32Array(2 * bonds.length);
  const filled = offsets.slice(0, atoms);
  for (const [k, { from, to }] of bonds.entries()) {
    incident[filled[from]!++] = k;
    incident[filled[to]!++] = k;
  }
  return { offsets, incident };
}
