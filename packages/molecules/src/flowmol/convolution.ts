import type { GraphBuilder, GraphValue } from "@diffusiongym/nn";
import { layerNorm } from "@diffusiongym/nn";
import { addRows } from "../graph-rows/index.js";
import type { CompleteFlowMolConfiguration } from "./configuration.js";
import { type Features, flattened, squaredLengths, unflattened } from "./features.js";
import { edgePerceptron, type VectorPerceptronOptions, vectorPerceptron } from "./vector-perceptron.js";

/** The edges of a batch as the layers need them. */
export interface Edges {
  /** Index of the node from which each edge comes, int64 [E, 1]. */
  readonly sources: GraphValue;
  /** Index of the node to which each edge goes, int64 [E, 1]. */
  readonly targets: GraphValue;
  /** Unit vectors from target to source, [E, 3, 1]. */
  readonly directions: GraphValue;
  /** Radial functions of the length, [E, R]. */
  readonly distances: GraphValue;
}

/** State of the nodes; the vectors are undefined while they are still zero. */
export interface NodeFeatures {
  readonly scalars: GraphValue;
  readonly vectors: GraphValue | undefined;
}

/**
 * One step of message passing: every edge makes a message from its source, its own features, its direction and its length;
 * a node adds up what reaches it, divided by `messageNorm`, is normalised, and updated by perceptrons of its own.
 * Parameters are `<name>.edge_message.<i>.*`, `.node_update.<i>.*`, `.message_layer_norm.*` and `.update_layer_norm.*`.
 */
export function convolution(
  g: GraphBuilder,
  input: { readonly nodes: NodeFeatures; readonly edges: Edges; readonly edgeScalars: GraphValue },
  { name, configuration }: { readonly name: string; readonly configuration: CompleteFlowMolConfiguration },
): Features {
  const { nodes, edges, edgeScalars } = input;
  const { nodeScalars, vectors, crossProducts, messagePerceptrons, nodePerceptrons, messageNorm } = configuration;
  const perceptron = (part: string): VectorPerceptronOptions => ({
    name: `${name}.${part}`,
    scalars: nodeScalars,
    vectors,
    crossProducts,
  });
  let message = edgePerceptron(
    g,
    {
      source: nodes,
      sourceVectors: vectors,
      sources: edges.sources,
      scalars: g.concat([edges.distances, edgeScalars], 1),
      vector: edges.directions,
    },
    perceptron("edge_message.0"),
  );
  for (let i = 1; i < messagePerceptrons; i++) {
    message = vectorPerceptron(g, message, perceptron(`edge_message.${i}`));
  }
  const received = g.div(addRows(g, message.scalars, edges.targets, nodes.scalars), messageNorm);
  const receivedVectors = g.div(
    unflattened(g, addRows(g, flattened(g, message.vectors), edges.targets, nodes.scalars)),
    messageNorm,
  );
  const informed = normalised(g, `${name}.message_layer_norm`, {
    scalars: g.add(nodes.scalars, received),
    vectors: nodes.vectors === undefined ? receivedVectors : g.add(nodes.vectors, receivedVectors),
  });
  let update = informed;
  for (let i = 0; i < nodePerceptrons; i++) {
    update = vectorPerceptron(g, update, perceptron(`node_update.${i}`));
  }
  return normalised(g, `${name}.update_layer_norm`, {
    scalars: g.add(informed.scalars, update.scalars),
    vectors: g.add(informed.vectors, update.vectors),
  });
}

/** Layer norm of the scalars; the vectors of a node are divided by the root mean square of their lengths. */
function normalised(g: GraphBuilder, name: string, { scalars, vectors }: Features): Features {
  const epsilon = 1e-5;
  const meanSquare = g.reduceMean(squaredLengths(g, vectors, true), { axes: [2], keepDims: true });
  const size = g.add(g.sqrt(g.add(meanSquare, epsilon)), epsilon);
  return { scalars: layerNorm(g, scalars, { name: `${name}.feat_norm` }), vectors: g.div(vectors, size) };
}
