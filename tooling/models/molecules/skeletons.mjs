// Molecules as heavy atoms and bonds, grown atom by atom. Hydrogens are what is left of the valences.

/** How many bonds an element makes. @type {Readonly<Record<string, number>>} */
export const valences = { C: 4, N: 3, O: 2, F: 1 };

/**
 * @typedef {object} Skeleton
 * @property {readonly string[]} elements heavy atoms, in the order in which they were added
 * @property {readonly (readonly [number, number, number])[]} bonds atom, atom, order 1 to 3
 */

/**
 * Everything that a molecule may be made into by one step: one more atom, a bond that closes a ring of 3 to 6 atoms (one
 * ring a molecule), or a bond of higher order. Bonds O-O, O-F, N-F and F-F, which nothing here may have, are not made.
 * @param {Skeleton} skeleton
 * @param {{ atoms: boolean, rings: boolean }} allowed whether atoms may be added, whether a ring may be closed
 * @returns {Skeleton[]}
 */
export function grow(skeleton, allowed) {
  const { elements, bonds } = skeleton;
  const free = freeValences(skeleton);
  /** @type {Skeleton[]} */
  const grown = [];
  for (const [i, element] of elements.entries()) {
    if (!allowed.atoms || !free[i]) continue;
    for (const added of Object.keys(valences)) {
      if (!clash(element, added)) {
        grown.push({ elements: [...elements, added], bonds: [...bonds, [i, elements.length, 1]] });
      }
    }
  }
  if (allowed.atoms) return grown;
  for (const [index, [i, j, order]] of bonds.entries()) {
    if (order < 3 && free[i] && free[j]) {
      grown.push({ elements, bonds: bonds.map((bond, k) => (k === index ? [i, j, order + 1] : bond)) });
    }
  }
  if (allowed.rings && bonds.length < elements.length) {
    const far = distances(skeleton);
    for (let i = 0; i < elements.length; i++) {
      for (let j = 0; j < i; j++) {
        const distance = far[i]?.[j] ?? 0;
        if (free[i] && free[j] && distance >= 2 && distance <= 5 && !clash(elements[i] ?? "", elements[j] ?? "")) {
          grown.push({ elements, bonds: [...bonds, [j, i, 1]] });
        }
      }
    }
  }
  return grown;
}

/**
 * Bonds that each atom can still make: its hydrogens.
 * @param {Skeleton} skeleton
 */
export function freeValences({ elements, bonds }) {
  const free = elements.map((element) => valences[element] ?? 0);
  for (const [i, j, order] of bonds) {
    free[i] = (free[i] ?? 0) - order;
    free[j] = (free[j] ?? 0) - order;
  }
  return free;
}

/**
 * SMILES of a skeleton, not canonical.
 * @param {Skeleton} skeleton
 */
export function smilesOf({ elements, bonds }) {
  const seen = new Set([0]);
  const used = new Set();
  /** @type {string[]} */
  const closures = elements.map(() => "");
  let rings = 0;
  const symbols = ["", "", "=", "#"];
  /** @type {(atom: number) => [number, number][]} */
  const children = (atom) => {
    /** @type {[number, number][]} */
    const found = [];
    for (const [k, [i, j, order]] of bonds.entries()) {
      const next = i === atom ? j : j === atom ? i : -1;
      if (next < 0 || used.has(k)) continue;
      used.add(k);
      if (seen.has(next)) {
        rings++;
        closures[atom] += `${symbols[order]}${rings}`;
        closures[next] += `${symbols[order]}${rings}`;
      } else {
        seen.add(next);
        found.push([next, order]);
        trees.set(next, children(next));
      }
    }
    return found;
  };
  /** @type {Map<number, [number, number][]>} */
  const trees = new Map();
  trees.set(0, children(0));
  /** @type {(atom: number) => string} */
  const write = (atom) => {
    const branches = (trees.get(atom) ?? []).map(([next, order]) => `${symbols[order]}${write(next)}`);
    const last = branches.pop() ?? "";
    return `${elements[atom]}${closures[atom]}${branches.map((branch) => `(${branch})`).join("")}${last}`;
  };
  return write(0);
}

/** @param {string} a @param {string} b */
function clash(a, b) {
  return (a === "F" && b !== "C") || (b === "F" && a !== "C") || (a === "O" && b === "O");
}

/** Bonds between each pair of atoms. @param {Skeleton} skeleton @returns {number[][]} */
export function distances({ elements, bonds }) {
  const n = elements.length;
  const far = elements.map((_, i) => elements.map((_, j) => (i === j ? 0 : n)));
  for (const [i, j] of bonds) {
    /** @type {number[]} */ (far[i])[j] = 1;
    /** @type {number[]} */ (far[j])[i] = 1;
  }
  for (let k = 0; k < n; k++) {
    for (const row of far) {
      for (let j = 0; j < n; j++) {
        row[j] = Math.min(row[j] ?? n, (row[k] ?? n) + (far[k]?.[j] ?? n));
      }
    }
  }
  return far;
}
