import type { GraphBuilder, GraphValue } from "@diffusiongym/nn";
import { kaimingUniform, layerNorm, linear, silu } from "@diffusiongym/nn";
import { takeRows } from "../graph-rows/index.js";
import type { CompleteFlowMolConfiguration } from "./configuration.js";
import type { Edges } from "./convolution.js";
import { type Features, squaredLengths } from "./features.js";
import { vectorPerceptron } from "./vector-perceptron.js";

/**
 * Moves every atom by one vector that perceptrons make of its features. Parameters `<name>.gvps.<i>.*`.
 * @param positions [V, 3]
 */
export function movedPositions(
  g: GraphBuilder,
  input: { readonly nodes: Features; readonly positions: GraphValue },
  { name, configuration }: { readonly name: string; readonly configuration: CompleteFlowMolConfiguration },
): GraphValue {
  const { nodeScalars, vectors, crossProducts, positionPerceptrons } = configuration;
  let features = input.nodes;
  for (let i = 0; i < positionPerceptrons; i++) {
    const last = i === positionPerceptrons - 1;
    features = vectorPerceptron(g, features, {
      name: `${name}.gvps.${i}`,
      scalars: nodeScalars,
      vectors: last ? 1 : vectors,
      crossProducts,
      gate: last ? "identity" : "sigmoid",
    });
  }
  return g.add(input.positions, g.squeeze(features.vectors, [2]));
}

/**
 * f' = norm(f + mlp([s_source, s_target, f, distance])) for every directed edge. Parameters `<name>.edge_update_fn.<0|2>.*`
 * and `<name>.edge_norm.*`. The parts of the first layer that depend on one node are computed once a node.
 */
export function updatedEdges(
  g: GraphBuilder,
  input: { readonly nodeScalars: GraphValue; readonly edgeScalars: GraphValue; readonly edges: Edges },
  name: string,
): GraphValue {
  const { nodeScalars, edgeScalars, edges } = input;
  const [nodeWidth, edgeWidth] = [Number(nodeScalars.shape[1]), Number(edgeScalars.shape[1])];
  const own = g.concat([edgeScalars, edges.distances], 1);
  const { weight, bias } = declareLinear(
    g,
    `${name}.edge_update_fn.0`,
    2 * nodeWidth + Number(own.shape[1]),
    edgeWidth,
  );
  const [ofSource, ofTarget, ofEdge] = g.split(weight, [nodeWidth, nodeWidth, Number(own.shape[1])], 1) as [
    GraphValue,
    GraphValue,
    GraphValue,
  ];
  const fromSource = takeRows(g, g.gemm(nodeScalars, ofSource, { c: bias, transB: true }), edges.sources);
  const fromTarget = takeRows(g, g.gemm(nodeScalars, ofTarget, { transB: true }), edges.targets);
  const hidden = silu(g, g.gemm(own, ofEdge, { c: g.add(fromSource, fromTarget), transB: true }));
  const change = silu(g, linear(g, hidden, { name: `${name}.edge_update_fn.2`, out: edgeWidth }));
  return layerNorm(g, g.add(edgeScalars, change), { name: `${name}.edge_norm` });
}

/** Declares the parameters of both updates where the published networks carry them without using them. */
export function declareUnused(g: GraphBuilder, index: number, configuration: CompleteFlowMolConfiguration): void {
  const { nodeScalars, edgeScalars, vectors, radialFunctions } = configuration;
  const nodes: Features = {
    scalars: g.floats(new Array<number>(nodeScalars).fill(0), [1, nodeScalars]),
    vectors: g.floats(new Array<number>(3 * vectors).fill(0), [1, 3, vectors]),
  };
  movedPositions(g, { nodes, positions: g.floats([0, 0, 0], [1, 3]) }, { name: positionName(index), configuration });
  const none = g.reshape(g.integers([0]), [1, 1]);
  const edges: Edges = {
    sources: none,
    targets: none,
    directions: g.floats([0, 0, 0], [1, 3, 1]),
    distances: g.floats(new Array<number>(radialFunctions).fill(0), [1, radialFunctions]),
  };
  const edgeFeatures = g.floats(new Array<number>(edgeScalars).fill(0), [1, edgeScalars]);
  updatedEdges(g, { nodeScalars: nodes.scalars, edgeScalars: edgeFeatures, edges }, edgeName(index));
}

/** Prefix of the parameters of a position's update. */
export const positionName = (index: number): string => `node_position_updaters.${index}`;

/** Prefix of the parameters of an edge's update. */
export const edgeName = (index: number): string => `edge_updaters.${index}`;

/**
 * Directions and radial functions of the vectors from target to source: exp(-((d - mu_k) / width)^2), mu_k evenly from 0 to
 * `radialRange`, width = radialRange / radialFunctions.
 */
export function measuredEdges(
  g: GraphBuilder,
  input: Pick<Edges, "sources" | "targets"> & { readonly positions: GraphValue },
  { radialFunctions, radialRange }: CompleteFlowMolConfiguration,
): Edges {
  const { positions, sources, targets } = input;
  const difference = g.unsqueeze(g.sub(takeRows(g, positions, sources), takeRows(g, positions, targets)), [2]);
  const length = g.add(g.sqrt(squaredLengths(g, difference)), 1e-8);
  const centres = Array.from({ length: radialFunctions }, (_, k) => (radialRange * k) / (radialFunctions - 1));
  const width = radialRange / radialFunctions;
  const offset = g.div(g.sub(length, g.floats(centres, [1, radialFunctions])), width);
  return {
    sources,
    targets,
    directions: g.div(difference, g.unsqueeze(length, [2])),
    distances: g.exp(g.neg(g.square(offset))),
  };
}

function declareLinear(
  g: GraphBuilder,
  name: string,
  fanIn: number,
  out: number,
): { readonly weight: GraphValue; readonly bias: GraphValue } {
  const start = kaimingUniform(fanIn);
  return {
    weight: g.parameter(`${name}.weight`, [out, fanIn], start),
    bias: g.parameter(`${name}.bias`, [out], start),
  };
}
