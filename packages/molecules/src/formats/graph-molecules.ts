import { ArgumentError, Tensor } from "@diffusiongym/core";
import { graphStructure, MoleculeGraph, upperEdge } from "../graph/index.js";
import type { Bond, Molecule } from "../molecule/index.js";
import { checkVocabulary, qm9Vocabulary, type Vocabulary, vocabularyFor } from "./vocabulary.js";

/**
 * Molecules as plain records, each logit vector decided by its largest entry (the first of equals). A bond is decided by the sum of its two directions, so
 * graphs that were not kept symmetric decode too.
 * @param graph finite numbers
 * @param vocabulary what the columns mean. @default FlowMol's, with as many elements as the graph has columns
 */
export function toMolecules(graph: MoleculeGraph, vocabulary: Vocabulary = vocabularyFor(graph.sizes)): Molecule[] {
  checkVocabulary(vocabulary, graph.sizes);
  const { nodeOffsets, edgeOffsets, edgeSources, edgeTargets } = graph.structure;
  const types = largestOfRows(graph.atomTypes);
  const charges = largestOfRows(graph.charges);
  const kinds = largestOfRows(graph.symmetrised().bonds);
  return Array.from(graph.structure.atomCounts, (count, m) => {
    const first = nodeOffsets[m]!;
    const bonds: Bond[] = [];
    const half = (edgeOffsets[m]! + edgeOffsets[m + 1]!) / 2;
    for (let edge = edgeOffsets[m]!; edge < half; edge++) {
      const order = vocabulary.bonds[kinds[edge]!]!;
      if (order !== 0) {
        bonds.push({ from: edgeSources[edge]! - first, to: edgeTargets[edge]! - first, order });
      }
    }
    return {
      elements: Array.from({ length: count }, (_, i) => vocabulary.elements[types[first + i]!]!),
      charges: Int8Array.from({ length: count }, (_, i) => vocabulary.charges[charges[first + i]!]!),
      bonds,
      positions: graph.positions.data.slice(3 * first, 3 * (first + count)),
    };
  });
}

/** How `fromMolecules` writes records. */
export interface FromMoleculesOptions {
  /** What the columns mean. @default C, H, N, O, F; charges -2 to 3; none, single, double, triple, aromatic */
  readonly vocabulary?: Vocabulary;
  /** Move each molecule's mean position to the origin, where models expect it. @default true */
  readonly centre?: boolean;
}

/**
 * Molecules as one batch of graphs, each feature one-hot: 1 in the column that applies, 0 elsewhere.
 * @throws ArgumentError naming the molecule when an element, a charge or a bond is not in the vocabulary, or an atom does not exist
 */
export function fromMolecules(molecules: readonly Molecule[], options: FromMoleculesOptions = {}): MoleculeGraph {
  const { vocabulary = qm9Vocabulary, centre = true } = options;
  const structure = graphStructure(molecules.map(({ elements }) => elements.length));
  const atoms = structure.nodeOffsets.at(-1)!;
  const edges = structure.edgeSources.length;
  const { elements: symbols, charges: levels, bonds: orders } = vocabulary;
  const positions = new Float32Array(3 * atoms);
  const types = new Float32Array(symbols.length * atoms);
  const charges = new Float32Array(levels.length * atoms);
  const bonds = new Float32Array(orders.length * edges);
  const none = column("kind of bond", orders, 0, 0);
  for (let edge = 0; edge < edges; edge++) {
    bonds[orders.length * edge + none] = 1;
  }
  for (const [m, molecule] of molecules.entries()) {
    const count = molecule.elements.length;
    checkLengths(molecule, m);
    const first = structure.nodeOffsets[m]!;
    positions.set(molecule.positions, 3 * first);
    for (let i = 0; i < count; i++) {
      types[symbols.length * (first + i) + column("element", symbols, molecule.elements[i]!, m)] = 1;
      charges[levels.length * (first + i) + column("charge", levels, molecule.charges[i]!, m)] = 1;
    }
    for (const { from, to, order } of molecule.bonds) {
      const kind = column("kind of bond", orders, order, m);
      const upper = structure.edgeOffsets[m]! + upperEdge(count, from, to);
      for (const edge of [upper, upper + (count * (count - 1)) / 2]) {
        bonds.fill(0, orders.length * edge, orders.length * (edge + 1));
        bonds[orders.length * edge + kind] = 1;
      }
    }
  }
  const graph = new MoleculeGraph(structure, [
    new Tensor(positions, [atoms, 3]),
    new Tensor(types, [atoms, symbols.length]),
    new Tensor(charges, [atoms, levels.length]),
    new Tensor(bonds, [edges, orders.length]),
  ]);
  return centre ? graph.centred() : graph;
}

/** Index of the largest entry of each row. */
function largestOfRows({ data, shape }: Tensor<Float32Array>): Int32Array {
  const [rows, columns] = shape as [number, number];
  const largest = new Int32Array(rows);
  for (let row = 0; row < rows; row++) {
    const start = row * columns;
    for (let j = 1; j < columns; j++) {
      if (data[start + j]! > data[start + largest[row]!]!) {
        largest[row] = j;
      }
    }
  }
  return largest;
}

function column<T>(what: string, known: readonly T[], value: T, molecule: number): number {
  const index = known.indexOf(value);
  if (index < 0) {
    throw new ArgumentError(
      `Molecule ${molecule}: the ${what} ${String(value)} is not in the vocabulary (${known.join(", ")}).`,
      "molecules",
      value,
    );
  }
  return index;
}

function checkLengths({ elements, charges, bonds, positions }: Molecule, molecule: number): void {
  const n = elements.length;
  if (charges.length !== n || positions.length !== 3 * n) {
    throw new ArgumentError(
      `Molecule ${molecule}: ${n} elements, ${charges.length} charges and ${positions.length} coordinates; a charge and three ` +
        "coordinates an atom are needed.",
      "molecules",
    );
  }
  for (const { from, to } of bonds) {
    const exist = [from, to].every((atom) => Number.isInteger(atom) && atom >= 0 && atom < n);
    if (!exist || from === to) {
      throw new ArgumentError(
        `Molecule ${molecule}: a bond joins atoms ${from} and ${to}; it takes two different ones of 0 to ${n - 1}.`,
        "molecules",
        { from, to },
      );
    }
  }
}
