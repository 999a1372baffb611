import { ArgumentError, ShapeError } from "@diffusiongym/core";
import { QuadraticForm, type RewardForm, vectorOption } from "../forms/index.js";
import { SmoothToyReward } from "./toy-reward.js";

/** Options of `toy/quadratic`. */
export interface QuadraticRewardOptions {
  /** y, where the reward is largest; a number means the same in every coordinate. @default 1 */
  readonly center?: number | readonly number[];
  /** A: a number for a multiple of the identity, or a symmetric matrix `[d][d]`. @default 1 */
  readonly precision?: number | readonly (readonly number[])[];
}

/** r(x) = -1/2 (x - center)^T precision (x - center). Tilting narrows every mode and pulls it towards the centre. */
export class QuadraticReward extends SmoothToyReward {
  readonly #options: QuadraticRewardOptions;

  constructor(options: QuadraticRewardOptions = {}) {
    super();
    this.#options = options;
  }

  protected makeForm(dimension: number): RewardForm {
    const { center = 1, precision = 1 } = this.#options;
    return new QuadraticForm(vectorOption("center", center, dimension), precisionMatrix(precision, dimension));
  }
}

function precisionMatrix(precision: number | readonly (readonly number[])[], d: number): Float64Array {
  const matrix = new Float64Array(d * d);
  if (typeof precision === "number") {
    for (let i = 0; i < d; i++) {
      matrix[i * d + i] = vectorOption("precision", precision, 1)[0]!;
    }
    return matrix;
  }
  if (precision.length !== d) {
    throw new ShapeError(
      `precision has ${precision.length} rows but the data has ${d} coordinate(s).`,
      [d, d],
      [precision.length],
    );
  }
  precision.forEach((row, i) => {
    matrix.set(vectorOption(`precision[${i}]`, row, d), i * d);
  });
  for (let i = 0; i < d; i++) {
    for (let j = 0; j < i; j++) {
      if (matrix[i * d + j] !== matrix[j * d + i]) {
        throw new ArgumentError(
          `precision is not symmetric: ${matrix[i * d + j]} at [${i}][${j}] against ${matrix[j * d + i]} at [${j}][${i}].`,
          "precision",
          precision,
        );
      }
    }
  }
  return matrix;
}
