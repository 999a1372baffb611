import type { Coefficient, DiffusionData } from "@diffusiongym/core";
import { combineCoefficients } from "../rows/index.js";
import type { RowTargets } from "./noised-rows.js";

/** Two squared errors of the same output, as one. */
export interface JoinedTargets<D> extends RowTargets<D> {
  /** What is left over of each row, in the units of `speed`; no output changes it. */
  readonly remainder: Float32Array;
}

/**
 * w_a |out - a|^2 + w_b |out - b|^2 = (w_a + w_b) |out - (w_a a + w_b b) / (w_a + w_b)|^2 + w_a w_b / (w_a + w_b) |a - b|^2.
 * @param speed squared derivative of the velocity by the output, for the remainder: `velocityWeights`
 */
export function joinTargets<D extends DiffusionData<D>>(
  a: { readonly target: D; readonly weight: Coefficient },
  b: { readonly target: D; readonly weight: Coefficient },
  speed: Coefficient,
): JoinedTargets<D> {
  const weights = [a.weight, b.weight];
  const difference = b.target.linearCombination(1, [[-1, a.target]]);
  const share = combineCoefficients(weights, (first, second) => (second === 0 ? 0 : second / (first + second)));
  const left = combineCoefficients([...weights, speed], (first, second, unit) =>
    first * second === 0 ? 0 : Math.sqrt((unit * first * second) / (first + second)),
  );
  return {
    targets: a.target.linearCombination(1, [[share, difference]]),
    weights: combineCoefficients(weights, (first, second) => first + second),
    remainder: difference.scale(left).squaredNorm(),
  };
}
