import { ShapeError } from "@diffusiongym/core";
import { equalShapes, printShape } from "../ops/index.js";
import type { GraphBuilder, GraphValue } from "./graph/index.js";

/** What a squared error compares. */
export interface SquaredErrorOptions {
  /** Of shape [N, ...]. */
  readonly prediction: GraphValue;
  /** Of the same shape. */
  readonly target: GraphValue;
  /** One weight a row, of shape [N]. @default ones */
  readonly weights?: GraphValue;
}

/**
 * Mean over all entries of w_i (prediction - target)^2, w_i being the weight of the row.
 * @returns a scalar
 * @throws ShapeError when prediction and target have different shapes
 */
export function meanSquaredError(g: GraphBuilder, options: SquaredErrorOptions): GraphValue {
  return g.reduceMean(weightedSquares(g, options));
}

/**
 * Sum over all entries of w_i (prediction - target)^2, w_i being the weight of the row.
 * @returns a scalar
 * @throws ShapeError when prediction and target have different shapes
 */
export function sumSquaredError(g: GraphBuilder, options: SquaredErrorOptions): GraphValue {
  return g.reduceSum(weightedSquares(g, options));
}

function weightedSquares(g: GraphBuilder, { prediction, target, weights }: SquaredErrorOptions): GraphValue {
  if (!equalShapes(prediction.shape, target.shape)) {
    throw new ShapeError(
      `The prediction has the shape ${printShape(prediction.shape)} and the target ${printShape(target.shape)}; ` +
        "a squared error compares equal shapes.",
    );
  }
  const squares = g.square(g.sub(prediction, target));
  if (!weights) {
    return squares;
  }
  if (weights.shape.length !== 1 || prediction.shape.length === 0 || weights.shape[0] !== prediction.shape[0]) {
    throw new ShapeError(
      `The weights have the shape ${printShape(weights.shape)}; for a prediction of shape ${printShape(prediction.shape)} ` +
        `they need one entry a row.`,
    );
  }
  const others = prediction.shape.slice(1).map((_, axis) => axis + 1);
  return g.mul(squares, others.length > 0 ? g.unsqueeze(weights, others) : weights);
}
