// Which of the molecules that valences allow are kept: those that a chemist would expect in a bottle.
import { freeValences } from "./skeletons.mjs";

/** The most heteroatoms of a molecule. */
const mostHeteroatoms = 3;

/**
 * True for a molecule from which nothing that is kept can grow: too many heteroatoms, cumulated double bonds, a triple bond in a ring.
 * @param {import("./skeletons.mjs").Skeleton} skeleton
 */
export function isHopeless(skeleton) {
  const { elements, bonds } = skeleton;
  if (elements.filter((symbol) => symbol !== "C").length > mostHeteroatoms) return true;
  const ring = bonds.some(([, , order]) => order === 3) ? ringOf(skeleton) : new Set();
  return (
    bonds.some(([i, j, order]) => order === 3 && ring.has(i) && ring.has(j)) ||
    elements.some((_, atom) => bonds.filter(([i, j, order]) => order > 1 && (i === atom || j === atom)).length > 1)
  );
}

/**
 * True for a molecule that is kept. Refused are: no carbon, more than 3 heteroatoms or as many as carbons and more; cumulated double
 * bonds; triple bonds in rings; double bonds in 3-rings, two of them in 4-rings; sp3 carbons with two of N and O, or with one beside F;
 * enols and enamines with a hydrogen to lose; N-H beside C=N; chains of three N or O; N-N and N-O unless the nitrogen has a double
 * bond. Rings of 5 and 6 atoms with alternating double bonds are aromatic and escape the rules of enols and of N-N.
 * @param {import("./skeletons.mjs").Skeleton} skeleton
 * @param {boolean} isAromatic whether the ring is aromatic
 */
export function isKept(skeleton, isAromatic) {
  const { elements, bonds } = skeleton;
  const hydrogens = freeValences(skeleton);
  const neighbours = elements.map((_, atom) =>
    bonds.flatMap(([i, j, order]) => (i === atom ? [{ atom: j, order }] : j === atom ? [{ atom: i, order }] : [])),
  );
  /** @type {(atom: number) => string} */
  const element = (atom) => elements[atom] ?? "";
  const ring = ringOf(skeleton);
  const heteroatoms = elements.filter((symbol) => symbol !== "C").length;
  const carbons = elements.length - heteroatoms;
  if (carbons === 0 || heteroatoms > Math.min(mostHeteroatoms, carbons)) return false;
  if (isHopeless(skeleton)) return false;
  const doubleInRing = bonds.filter(([i, j, order]) => order === 2 && ring.has(i) && ring.has(j)).length;
  // RDKit calls some rings of 3 and 4 aromatic; nobody else does.
  if (isAromatic && ring.size < 5) return false;
  if ((ring.size === 3 && doubleInRing > 0) || (ring.size === 4 && doubleInRing > 1)) return false;
  return elements.every((symbol, atom) => {
    const around = neighbours[atom] ?? [];
    const highest = around.map(({ order }) => order).sort((a, b) => b - a);
    const isDoubled = (/** @type {number} */ other) => (neighbours[other] ?? []).some(({ order }) => order >= 2);
    if (
      ring.size === 3 &&
      ring.has(atom) &&
      symbol === "C" &&
      highest[0] === 2 &&
      !around.some((other) => element(other.atom) === "O" && other.order === 2)
    )
      return false;
    if (
      symbol !== "C" &&
      around.some((other) => other.order === 1 && (neighbours[other.atom] ?? []).some(({ order }) => order === 3))
    )
      return false;
    if (
      symbol === "F" &&
      around.some((other) =>
        (neighbours[other.atom] ?? []).some((next) => next.order === 2 && element(next.atom) !== "C"),
      )
    )
      return false;
    if (symbol === "N" && around.some((other) => other.order === 2 && element(other.atom) === "O")) return false;
    const inAromatic = isAromatic && ring.has(atom);
    if (inAromatic && around.some((other) => !ring.has(other.atom) && other.order === 2 && element(other.atom) !== "O"))
      return false;
    const isSaturated = (highest[0] ?? 0) < 2;
    const polar = around.filter((other) => /[NO]/.test(element(other.atom))).length;
    if (symbol === "C" && isSaturated && polar + (around.some((other) => element(other.atom) === "F") ? 1 : 0) > 1)
      return false;
    if ((symbol === "N" || symbol === "O") && polar > 1 && !inAromatic) return false;
    if ((symbol === "N" || symbol === "O") && isSaturated && !inAromatic) {
      const sp2 = around.flatMap((other) =>
        isAromatic && ring.has(other.atom)
          ? []
          : (neighbours[other.atom] ?? [])
              .filter(({ order }) => order === 2)
              .map((double) => ({ at: other.atom, to: double.atom })),
      );
      const isLabile = (hydrogens[atom] ?? 0) > 0;
      if (isLabile && sp2.some(({ at, to }) => element(at) === "C" && element(to) === "C")) return false;
      if (isLabile && sp2.some(({ at, to }) => element(at) === "C" && element(to) === "N")) return false;
      const onNitrogen = around.filter((other) => element(other.atom) === "N");
      if (onNitrogen.some((other) => !isDoubled(other.atom))) return false;
    }
    if (symbol === "N" && highest[0] === 2 && (hydrogens[atom] ?? 0) > 0) return false;
    return true;
  });
}

/**
 * The atoms of the ring; empty where there is none.
 * @param {import("./skeletons.mjs").Skeleton} skeleton
 * @returns {Set<number>}
 */
export function ringOf({ elements, bonds }) {
  const ring = new Set(bonds.length < elements.length ? [] : elements.keys());
  // Ends are cut off until only the ring is left.
  for (let changed = true; changed; ) {
    changed = false;
    for (const atom of ring) {
      if (bonds.filter(([i, j]) => (i === atom && ring.has(j)) || (j === atom && ring.has(i))).length < 2) {
        ring.delete(atom);
        changed = true;
      }
    }
  }
  return ring;
}
