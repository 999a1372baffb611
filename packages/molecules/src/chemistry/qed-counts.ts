import { type Bond, topologyOf } from "../molecule/index.js";
import type { RdkitMolecule, RdkitScope } from "../rdkit/index.js";
import { acceptorPatterns, alertPatterns, type Needs } from "./qed-patterns.js";
import type { RdkitGraph } from "./rdkit-graph.js";

/** How many patterns of unwanted groups a molecule matches, each counted once. */
export function countAlerts(scope: RdkitScope, molecule: RdkitMolecule, graph: RdkitGraph): number {
  const had = featuresOf(graph);
  let count = 0;
  for (const [needs, smarts] of alertPatterns) {
    if (has(had, needs) && molecule.get_substruct_match(scope.query(smarts)) !== "{}") {
      count++;
    }
  }
  return count;
}

/** How many acceptors of hydrogen bonds a molecule has, by QED's patterns. Each of them describes one atom. */
export function countAcceptors(scope: RdkitScope, molecule: RdkitMolecule, graph: RdkitGraph): number {
  const had = featuresOf(graph);
  let count = 0;
  for (const [needs, smarts] of acceptorPatterns) {
    if (has(had, needs)) {
      count += molecule.get_substruct_matches(scope.query(smarts)).split('"atoms"').length - 1;
    }
  }
  return count;
}

/**
 * The rings that are left when every ring atom is removed that is not aromatic and has a single bond to an atom that is not
 * aromatic either: QED's AROM. It counts some rings that chemists do not call aromatic.
 */
export function countAromaticRings({ atomicNumbers, bonds, aromaticAtoms, ringAtoms }: RdkitGraph): number {
  if (ringAtoms.size === 0) {
    return 0;
  }
  const removed = new Set<number>();
  for (const { from, to, order, aromatic } of bonds) {
    if (order !== 1 || aromatic || aromaticAtoms.has(from) || aromaticAtoms.has(to)) {
      continue;
    }
    for (const atom of [from, to]) {
      if (ringAtoms.has(atom)) {
        removed.add(atom);
      }
    }
  }
  const left: Bond[] = bonds
    .filter(({ from, to }) => !removed.has(from) && !removed.has(to))
    .map(({ from, to }) => ({ from, to, order: 1 }));
  // Removed atoms stay as pieces of their own here, which are no rings.
  return topologyOf({ elements: atomicNumbers.map(() => ""), bonds: left }).rings;
}

const letterOfElement = new Map([
  [1, ""],
  [6, ""],
  [7, "N"],
  [8, "O"],
  [9, "X"],
  [15, "P"],
  [16, "S"],
  [17, "X"],
  [35, "X"],
  [53, "X"],
]);

function featuresOf({ atomicNumbers, charges, aromaticAtoms, ringAtoms }: RdkitGraph): string {
  const letters = new Set(atomicNumbers.map((number) => letterOfElement.get(number) ?? "M"));
  return `${[...letters].join("")}${aromaticAtoms.size > 0 ? "a" : ""}${ringAtoms.size > 0 ? "r" : ""}${charges.some((charge) => charge !== 0) ? "q" : ""}`;
}

function has(features: string, needs: Needs): boolean {
  for (const letter of needs) {
    if (!features.includes(letter)) {
      return false;
    }
  }
  return true;
}
