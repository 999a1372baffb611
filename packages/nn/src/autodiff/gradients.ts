import { ArgumentError, ShapeError } from "@diffusiongym/core";
import type { ValueInfo } from "../ir/index.js";
import { equalShapes, isFloat, type OpWriter, printShape } from "../ops/index.js";
import { Adjoints } from "./adjoints.js";
import { walkBack } from "./walk-back.js";

/** What `gradients` differentiates. */
export interface GradientsOptions {
  /** The value that is differentiated, or several. */
  readonly of: ValueInfo | readonly ValueInfo[];
  /** What it is differentiated with respect to: inputs, parameters, or anything computed on the way. */
  readonly wrt: readonly ValueInfo[];
  /**
   * The cotangent of each value in `of`, of its shape. @default ones: the gradient of the sum of all entries, which is that
   * of each row where rows do not depend on each other
   */
  readonly cotangents?: readonly ValueInfo[];
}

/**
 * Gradients as values of the graph under construction, for losses that contain derivatives: a penalty on a gradient, a
 * gradient that is to match another, a divergence.
 *
 *     const [slope] = gradients(g, { of: value, wrt: [x] });      // dV/dx of every row, [N, d]
 *     return g.reduceMean(g.square(slope));
 *
 * @param g the builder
 * @returns sum_o <v_o, d o / d w> for each w in `wrt`, in order, each of the shape of w
 * @throws ArgumentError for values that are not floats; ShapeError for cotangents that do not fit; IncompatibleError where an
 *   operator has no derivative in the form it is used
 */
export function gradients(g: OpWriter, options: GradientsOptions): ValueInfo[] {
  const { wrt, cotangents } = options;
  const of: readonly ValueInfo[] = "name" in options.of ? [options.of] : options.of;
  for (const { name, type } of [...of, ...wrt]) {
    if (!isFloat(type)) {
      throw new ArgumentError(
        `gradients: "${name}" has the element type ${type}; only floating-point values have gradients.`,
        "of",
        name,
      );
    }
  }
  if (cotangents !== undefined && cotangents.length !== of.length) {
    throw new ArgumentError(
      `gradients: ${cotangents.length} cotangents were given for ${of.length} values; each needs one.`,
      "cotangents",
      cotangents.length,
    );
  }
  // What is walked through is what there is before the first cotangent is written.
  const { nodes } = g.finish([]);
  const adjoints = new Adjoints(g);
  of.forEach((value, i) => {
    const cotangent = cotangents === undefined ? g.fullLike(value, 1) : cotangents[i]!;
    if (!equalShapes(cotangent.shape, value.shape)) {
      throw new ShapeError(
        `gradients: "${value.name}" has the shape ${printShape(value.shape)} and its cotangent "${cotangent.name}" ${printShape(cotangent.shape)}; they must be equal.`,
      );
    }
    adjoints.add(value.name, cotangent);
  });
  walkBack({ write: g, nodes, wrt: wrt.map(({ name }) => name), adjoints });
  return wrt.map((value) => adjoints.get(value.name) ?? g.zerosLike(value));
}
