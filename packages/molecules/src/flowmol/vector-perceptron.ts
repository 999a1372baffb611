import type { GraphBuilder, GraphValue } from "@diffusiongym/nn";
import { kaimingUniform, silu } from "@diffusiongym/nn";
import { takeRows } from "../graph-rows/index.js";
import { type Features, squaredLengths } from "./features.js";

/** Options of `vectorPerceptron`. */
export interface VectorPerceptronOptions {
  /** Parameters are `<name>.Wh`, `.Wcp`, `.Wu`, `.to_feats_out.0.*` and `.scalar_to_vector_gates.*`. */
  readonly name: string;
  /** Width of the scalars that come out. */
  readonly scalars: number;
  /** Number of the vectors that come out. */
  readonly vectors: number;
  /** Vectors made by cross products of two mixtures of those that go in. @default 0 */
  readonly crossProducts?: number;
  /** What a gate goes through before it multiplies its vector. @default "sigmoid" */
  readonly gate?: "sigmoid" | "identity";
}

/** Features of edges that are, in part, features of the node from which the edge comes. */
export interface EdgeFeatures {
  /** Features of the nodes. @default none, as where the vectors are still zero */
  readonly source: { readonly scalars: GraphValue; readonly vectors: GraphValue | undefined };
  /** Number of vectors of a node. */
  readonly sourceVectors: number;
  /** Index of every edge's source, int64 [E, 1]. */
  readonly sources: GraphValue;
  /** Scalars of the edge itself, [E, S], which come behind those of the source. */
  readonly scalars: GraphValue;
  /** One vector of the edge itself, [E, 3, 1], which comes before those of the source. */
  readonly vector: GraphValue;
}

interface Weights {
  /** [vectors in, hidden + 2 cross products]: the hidden vectors, then the pairs of factors. */
  readonly mixing: GraphValue;
  readonly hidden: number;
  /** [scalars out, scalars in + hidden + cross products] */
  readonly scalars: GraphValue;
  readonly scalarBias: GraphValue;
}

/**
 * A geometric vector perceptron (Jing et al., arXiv 2009.01411, with vector gates as in 2106.03843): scalars s and vectors V
 * become
 *
 *     H = [V Wh, (V Wcp1) x (V Wcp2)],   s' = silu(W [s, |H|] + b),   V' = gate(Wg s' + bg) (H Wu)
 *
 * Scalars are unchanged when everything is rotated, vectors rotate along.
 */
export function vectorPerceptron(g: GraphBuilder, input: Features, options: VectorPerceptronOptions): Features {
  const weights = declare(g, Number(input.scalars.shape[1]), Number(input.vectors.shape[2]), options);
  const mixed = g.matMul(input.vectors, weights.mixing);
  return finish(g, { mixed, weights, options, scalars: input.scalars });
}

/**
 * The same on edges, for the first perceptron of a message. What depends on the source alone is computed once a node and
 * then taken to its edges, which is the larger part of the arithmetic.
 */
export function edgePerceptron(g: GraphBuilder, input: EdgeFeatures, options: VectorPerceptronOptions): Features {
  const { source, sources, vector } = input;
  const [ownScalars, nodeScalars] = [Number(input.scalars.shape[1]), Number(source.scalars.shape[1])];
  const weights = declare(g, nodeScalars + ownScalars, 1 + input.sourceVectors, options);
  const [first, others] = g.split(weights.mixing, [1, input.sourceVectors], 0) as [GraphValue, GraphValue];
  let mixed = g.mul(vector, g.unsqueeze(first, [0]));
  if (source.vectors !== undefined) {
    mixed = g.add(mixed, takeRows(g, g.matMul(source.vectors, others), sources));
  }
  const behind = Number(weights.scalars.shape[1]) - nodeScalars;
  const [ofNode, ofEdge] = g.split(weights.scalars, [nodeScalars, behind], 1) as [GraphValue, GraphValue];
  const fromSource = takeRows(g, g.gemm(source.scalars, ofNode, { c: weights.scalarBias, transB: true }), sources);
  return finish(g, {
    mixed,
    weights: { ...weights, scalars: ofEdge, scalarBias: fromSource },
    options,
    scalars: input.scalars,
  });
}

/** Parameters in the order in which PyTorch's module registers them. */
function declare(g: GraphBuilder, scalarsIn: number, vectorsIn: number, options: VectorPerceptronOptions): Weights {
  const { name, scalars, vectors, crossProducts = 0 } = options;
  const hidden = Math.max(vectorsIn, vectors);
  const start = kaimingUniform(vectorsIn);
  const mixHidden = g.parameter(`${name}.Wh`, [vectorsIn, hidden], start);
  const mixFactors = crossProducts > 0 ? [g.parameter(`${name}.Wcp`, [vectorsIn, 2 * crossProducts], start)] : [];
  g.parameter(`${name}.Wu`, [hidden + crossProducts, vectors], kaimingUniform(hidden + crossProducts));
  const width = scalarsIn + hidden + crossProducts;
  const scalarWeight = g.parameter(`${name}.to_feats_out.0.weight`, [scalars, width], kaimingUniform(width));
  const scalarBias = g.parameter(`${name}.to_feats_out.0.bias`, [scalars], kaimingUniform(width));
  g.parameter(`${name}.scalar_to_vector_gates.weight`, [vectors, scalars], kaimingUniform(scalars));
  g.parameter(`${name}.scalar_to_vector_gates.bias`, [vectors], kaimingUniform(scalars));
  return { mixing: g.concat([mixHidden, ...mixFactors], 1), hidden, scalars: scalarWeight, scalarBias };
}

interface Mixed {
  /** [R, 3, hidden + 2 cross products] */
  readonly mixed: GraphValue;
  readonly weights: Weights;
  readonly options: VectorPerceptronOptions;
  readonly scalars: GraphValue;
}

function finish(g: GraphBuilder, { mixed, weights, options, scalars }: Mixed): Features {
  const { name, crossProducts = 0, gate = "sigmoid" } = options;
  const hidden = withCrossProducts(g, mixed, weights.hidden, crossProducts);
  const lengths = g.sqrt(squaredLengths(g, hidden));
  const summed = g.gemm(g.concat([scalars, lengths], 1), weights.scalars, { c: weights.scalarBias, transB: true });
  const scalarsOut = silu(g, summed);
  const gates = g.gemm(scalarsOut, g.value(`${name}.scalar_to_vector_gates.weight`), {
    c: g.value(`${name}.scalar_to_vector_gates.bias`),
    transB: true,
  });
  const factor = g.unsqueeze(gate === "sigmoid" ? g.sigmoid(gates) : gates, [1]);
  return { scalars: scalarsOut, vectors: g.mul(factor, g.matMul(hidden, g.value(`${name}.Wu`))) };
}

/** [R, 3, hidden + 2 n], whose last 2 n channels are n first and n second factors, becomes [R, 3, hidden + n]. */
function withCrossProducts(g: GraphBuilder, mixed: GraphValue, hidden: number, n: number): GraphValue {
  if (n === 0) {
    return mixed;
  }
  const [kept, left, right] = g.split(mixed, [hidden, n, n], 2) as [GraphValue, GraphValue, GraphValue];
  const [ax, ay, az] = g.split(left, [1, 1, 1], 1) as [GraphValue, GraphValue, GraphValue];
  const [bx, by, bz] = g.split(right, [1, 1, 1], 1) as [GraphValue, GraphValue, GraphValue];
  const difference = (a: GraphValue, b: GraphValue, c: GraphValue, d: GraphValue): GraphValue =>
    g.sub(g.mul(a, b), g.mul(c, d));
  const product = g.concat([difference(ay, bz, az, by), difference(az, bx, ax, bz), difference(ax, by, ay, bx)], 1);
  return g.concat([kept, product], 2);
}
