import {
  fourierTimeFeatures,
  GraphBuilder,
  type GraphValue,
  layerNorm,
  linear,
  type NetworkDefinition,
  silu,
  zeros,
} from "@diffusiongym/nn";
import type { FeatureSizes } from "../graph/index.js";
import { addRows, takeRows } from "../graph-rows/index.js";

/** Configuration of `graphValue`. */
export interface GraphValueConfiguration {
  /** How many numbers describe an atom's type, its charge and a bond. */
  readonly sizes: FeatureSizes;
  /** Features of an atom and of an edge. @default 32 */
  readonly width?: number;
  /** Rounds of messages. @default 2 */
  readonly depth?: number;
  /** What the last layer's bias, and with it the value of every state, starts at. @default 0 */
  readonly initialValue?: number;
  /** Lengths l in angstrom of the functions exp(-d^2 / (2 l^2)) of the distance. @default [0.5, 0.8, 1.2, 1.8, 2.7, 4] */
  readonly lengths?: readonly number[];
}

/**
 * A value network of molecular graphs, by message passing (arXiv 1704.01212). Atoms start as a function of type, charge and time,
 * edges as one of bond and distance; in each round an atom takes the mean of what a layer makes of its neighbours and the edges
 * between; the mean over a molecule's atoms gives one number. Positions enter as squared distances only, through functions that
 * are smooth at 0, so that the value does not change when a molecule is moved, turned, mirrored or renumbered.
 *
 * Inputs: those of `flowMolNetwork`. Output: `value` [N], the same for every state at the start. Parameters `atoms.*`, `edges.*`,
 * `rounds.<i>.<message|sources|targets|update|norm>.*`, `readout.*`, `head.*`.
 */
export function graphValue(configuration: GraphValueConfiguration): NetworkDefinition {
  const { sizes, width = 32, depth = 2, initialValue = 0, lengths = [0.5, 0.8, 1.2, 1.8, 2.7, 4] } = configuration;
  const g = new GraphBuilder("graph_value");
  const positions = g.input("positions", ["V", 3]);
  const described = [g.input("atomTypes", ["V", sizes.atomTypes]), g.input("charges", ["V", sizes.charges])];
  const bonds = g.input("bonds", ["E", sizes.bonds]);
  const times = fourierTimeFeatures(g, g.input("t", ["N"]));
  const index = (name: string, length: string): GraphValue => g.unsqueeze(g.input(name, [length], "int64"), [1]);
  const sources = index("edgeSources", "E");
  const targets = index("edgeTargets", "E");
  // Both directions of a bond carry the same numbers; their mean is read, so that its gradient is that of one variable.
  const bothWays = g.mul(g.add(bonds, takeRows(g, bonds, index("reverseEdges", "E"))), 0.5);
  const molecules = index("nodeMolecules", "V");
  const shares = g.unsqueeze(g.input("shares", ["V"]), [1]);

  const difference = g.sub(takeRows(g, positions, sources), takeRows(g, positions, targets));
  const squared = g.reduceSum(g.square(difference), { axes: [1], keepDims: true });
  const near = lengths.map((length) => g.exp(g.mul(squared, -1 / (2 * length ** 2))));
  const edges = silu(g, linear(g, g.concat([bothWays, ...near], 1), { name: "edges", out: width }));
  const started = g.concat([...described, takeRows(g, times, molecules)], 1);
  let atoms = silu(g, linear(g, started, { name: "atoms", out: width }));
  for (let round = 0; round < depth; round++) {
    const name = `rounds.${round}`;
    // One layer on both atoms and the edge, taken apart: there are ten times as many edges as atoms to multiply.
    const ofAtoms = (end: string, rows: GraphValue): GraphValue =>
      takeRows(g, linear(g, atoms, { name: `${name}.${end}`, out: width, bias: false }), rows);
    const ofEdge = linear(g, edges, { name: `${name}.message`, out: width });
    const message = silu(g, g.add(ofEdge, g.add(ofAtoms("sources", sources), ofAtoms("targets", targets))));
    const received = g.mul(addRows(g, message, targets, atoms), shares);
    const change = silu(g, linear(g, g.concat([atoms, received], 1), { name: `${name}.update`, out: width }));
    atoms = layerNorm(g, g.add(atoms, change), { name: `${name}.norm` });
  }
  const whole = addRows(g, g.mul(atoms, shares), molecules, times);
  const readout = silu(g, linear(g, g.concat([whole, times], 1), { name: "readout", out: width }));
  const start = { initialization: zeros, biasInitialization: { kind: "constant", value: initialValue } } as const;
  g.output("value", g.reshape(linear(g, readout, { name: "head", out: 1, ...start }), [-1]));
  return g.build();
}
