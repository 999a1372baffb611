import { GraphBuilder, type GraphValue, layerNorm, linear, type NetworkDefinition, silu } from "@diffusiongym/nn";
import { addRows, takeRows } from "../graph-rows/index.js";
import {
  type CompleteFlowMolConfiguration,
  completeConfiguration,
  type FlowMolConfiguration,
} from "./configuration.js";
import { convolution, type NodeFeatures } from "./convolution.js";
import type { Features } from "./features.js";
import { declareUnused, edgeName, measuredEdges, movedPositions, positionName, updatedEdges } from "./updates.js";

/**
 * The network of FlowMol v0.2 (Dunn and Koes, arXiv 2404.19739) for its endpoint models. It reads a batch of fully connected
 * molecular graphs at times t and gives what each feature will be at t = 1:
 *
 * - `endpoint.positions` [V, 3], less their mean in every molecule;
 * - `endpoint.atomTypes` [V, A], `endpoint.charges` [V, C] and `endpoint.bonds` [E, B]: probabilities, the bonds equal in both directions.
 *
 * Inputs are `positions`, `atomTypes`, `charges`, `bonds`, `t` [N], and the structure: `edgeSources`, `edgeTargets` and `reverseEdges` [E], `nodeMolecules` [V]
 * (int64), and `shares` [V], one over the number of atoms of each atom's molecule. Lengths are chosen at every run.
 * Parameters have the names of the published checkpoints, without their prefix `vector_field.`.
 * @throws ArgumentError for an impossible configuration
 */
export function flowMolNetwork(given: FlowMolConfiguration): NetworkDefinition {
  const configuration = completeConfiguration(given);
  const { atoms, chargeChannels, bondChannels, nodeScalars, edgeScalars } = configuration;
  const g = new GraphBuilder("flowmol");
  const input = {
    positions: g.input("positions", ["V", 3]),
    atomTypes: g.input("atomTypes", ["V", atoms.length]),
    charges: g.input("charges", ["V", chargeChannels]),
    bonds: g.input("bonds", ["E", bondChannels]),
    t: g.input("t", ["N"]),
  };
  const index = (name: string, length: string): GraphValue => g.unsqueeze(g.input(name, [length], "int64"), [1]);
  const sources = index("edgeSources", "E");
  const targets = index("edgeTargets", "E");
  const reverse = index("reverseEdges", "E");
  const molecules = index("nodeMolecules", "V");
  const shares = g.unsqueeze(g.input("shares", ["V"]), [1]);

  const times = takeRows(g, g.unsqueeze(input.t, [1]), molecules);
  const described = g.concat([input.atomTypes, times, input.charges], 1);
  const scalars = embedding(g, described, { name: "scalar_embedding", width: nodeScalars });
  const edgeFeatures = embedding(g, input.bonds, { name: "edge_embedding", width: edgeScalars });
  const final = body(g, { ...input, scalars, edgeFeatures, sources, targets }, configuration);

  const heads = head(g, final.scalars, { name: "node_output_head", out: atoms.length + chargeChannels });
  const [types, charges] = g.split(heads, [atoms.length, chargeChannels], 1) as [GraphValue, GraphValue];
  const bothWays = g.add(final.edgeFeatures, takeRows(g, final.edgeFeatures, reverse));
  const centre = addRows(g, g.mul(final.positions, shares), molecules, g.unsqueeze(input.t, [1]));
  g.output("endpoint.positions", g.sub(final.positions, takeRows(g, centre, molecules)));
  g.output("endpoint.atomTypes", g.softmax(types, -1));
  g.output("endpoint.charges", g.softmax(charges, -1));
  g.output("endpoint.bonds", g.softmax(head(g, bothWays, { name: "to_edge_logits", out: bondChannels }), -1));
  return g.build();
}

interface BodyState {
  readonly positions: GraphValue;
  readonly scalars: GraphValue;
  readonly edgeFeatures: GraphValue;
}

/** The convolutions with the updates between them. */
function body(
  g: GraphBuilder,
  input: BodyState & { readonly sources: GraphValue; readonly targets: GraphValue },
  configuration: CompleteFlowMolConfiguration,
): BodyState {
  const { sources, targets } = input;
  const { updates, convolutionsPerUpdate, updatesAfterFirst } = configuration;
  let { positions, edgeFeatures } = input;
  let nodes: NodeFeatures | Features = { scalars: input.scalars, vectors: undefined };
  let edges = measuredEdges(g, { positions, sources, targets }, configuration);
  for (let layer = 0; layer < updates * convolutionsPerUpdate; layer++) {
    const next: Features = convolution(
      g,
      { nodes, edges, edgeScalars: edgeFeatures },
      { name: `conv_layers.${layer}`, configuration },
    );
    nodes = next;
    if ((layer + 1) % convolutionsPerUpdate !== 0) {
      continue;
    }
    const update = Math.floor(layer / convolutionsPerUpdate);
    if (layer === 0 && !updatesAfterFirst) {
      declareUnused(g, update, configuration);
      continue;
    }
    positions = movedPositions(g, { nodes: next, positions }, { name: positionName(update), configuration });
    edges = measuredEdges(g, { positions, sources, targets }, configuration);
    edgeFeatures = updatedEdges(g, { nodeScalars: next.scalars, edgeScalars: edgeFeatures, edges }, edgeName(update));
  }
  return { positions, scalars: nodes.scalars, edgeFeatures };
}

/** Two layers with SiLU and a norm, `<name>.<0|2>.*` and `<name>.4.*`. */
function embedding(
  g: GraphBuilder,
  x: GraphValue,
  { name, width }: { readonly name: string; readonly width: number },
): GraphValue {
  const hidden = silu(g, linear(g, x, { name: `${name}.0`, out: width }));
  const features = silu(g, linear(g, hidden, { name: `${name}.2`, out: width }));
  return layerNorm(g, features, { name: `${name}.4` });
}

/** Two layers with SiLU between them, `<name>.<0|2>.*`. */
function head(
  g: GraphBuilder,
  x: GraphValue,
  { name, out }: { readonly name: string; readonly out: number },
): GraphValue {
  const hidden = silu(g, linear(g, x, { name: `${name}.0`, out: Number(x.shape[1]) }));
  return linear(g, hidden, { name: `${name}.2`, out });
}
