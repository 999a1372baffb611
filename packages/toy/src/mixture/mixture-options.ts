import { ArgumentError, ShapeError } from "@diffusiongym/core";
import { symmetricEigen } from "../numeric/index.js";

/** A Gaussian mixture as a user writes it; JSON-able. */
export interface MixtureOptions {
  /** Mean of each component, `[K][d]`; plain numbers mean d = 1. */
  readonly means: readonly (number | readonly number[])[];
  /** Mass of each component, `[K]`, at least 0; normalised to sum 1. @default equal */
  readonly weights?: readonly number[];
  /** Standard deviation: one for all, one a component `[K]`, or one a component and axis `[K][d]`. @default 1 */
  readonly standardDeviations?: number | readonly (number | readonly number[])[];
  /** Covariance of each component, `[K][d][d]`, symmetric and positive definite; instead of `standardDeviations`. */
  readonly covariances?: readonly (readonly (readonly number[])[])[];
}

/** A mixture in the form that the formulas use: every covariance is U diag(variances) U^T. */
export interface MixtureParts {
  readonly dimension: number;
  /** `[K]`, sum 1. */
  readonly weights: Float64Array;
  /** `[K, d]`. */
  readonly means: Float64Array;
  /** Eigenvalues of the covariances, `[K, d]`. */
  readonly variances: Float64Array;
  /** Eigenvectors as columns, `[K, d, d]`; left out when every covariance is diagonal. */
  readonly axes?: Float64Array | undefined;
}

/**
 * Checks a user's mixture and decomposes its covariances.
 * @throws ArgumentError, ShapeError naming the option, the component and the value
 */
export function mixtureParts(options: MixtureOptions): MixtureParts {
  const rows = listOption("means", options.means).map((mean) => (typeof mean === "number" ? [mean] : mean));
  const dimension = rows[0]?.length ?? 0;
  if (dimension === 0) {
    throw new ArgumentError("A mixture needs at least one component with at least one axis.", "means", options.means);
  }
  const components = rows.length;
  const means = matrix(rows, "means", components, dimension);
  return {
    dimension,
    weights: normalised(options.weights, components),
    means,
    ...spread(options, components, dimension),
  };
}

/** Diagonal covariances keep no axes, which is the fast path. */
export function partsOfCovariances(
  covariances: Float64Array,
  dimension: number,
): Pick<MixtureParts, "variances" | "axes"> {
  const d = dimension;
  const components = covariances.length / (d * d);
  const variances = new Float64Array(components * d);
  const axes = new Float64Array(components * d * d);
  let diagonal = true;
  for (let k = 0; k < components; k++) {
    const { values, vectors } = symmetricEigen(covariances.subarray(k * d * d, (k + 1) * d * d), d);
    for (let i = 0; i < d; i++) {
      if (!(values[i]! > 0) || !Number.isFinite(values[i]!)) {
        throw new ArgumentError(
          `covariances[${k}] is not positive definite: it has the eigenvalue ${values[i]}.`,
          "covariances",
          Array.from(covariances.subarray(k * d * d, (k + 1) * d * d)),
        );
      }
      variances[k * d + i] = values[i]!;
      for (let j = 0; j < d; j++) {
        axes[(k * d + i) * d + j] = vectors[i * d + j]!;
        diagonal &&= i === j || covariances[(k * d + i) * d + j] === 0;
      }
    }
  }
  return diagonal ? { variances } : { variances, axes };
}

function spread(options: MixtureOptions, components: number, d: number): Pick<MixtureParts, "variances" | "axes"> {
  const { covariances, standardDeviations = 1 } = options;
  if (covariances !== undefined) {
    if (options.standardDeviations !== undefined) {
      throw new ArgumentError(
        "Give either covariances or standardDeviations, not both.",
        "standardDeviations",
        options.standardDeviations,
      );
    }
    const flat = listOption("covariances", covariances).flatMap((rows, k) =>
      Array.from(matrix(rows, `covariances[${k}]`, d, d)),
    );
    if (covariances.length !== components) {
      throw new ShapeError(`covariances has ${covariances.length} entries for ${components} means.`, [
        components,
        d,
        d,
      ]);
    }
    checkSymmetric(flat, components, d);
    return partsOfCovariances(Float64Array.from(flat), d);
  }
  const perComponent =
    typeof standardDeviations === "number"
      ? Array.from({ length: components }, () => standardDeviations)
      : listOption("standardDeviations", standardDeviations);
  const rows = perComponent.map((row) => (typeof row === "number" ? Array.from({ length: d }, () => row) : row));
  const deviations = matrix(rows, "standardDeviations", components, d);
  const variances = deviations.map((value) => value * value);
  const bad = deviations.find((value, j) => !(value > 0 && variances[j]! > 0 && Number.isFinite(variances[j]!)));
  if (bad !== undefined) {
    throw new ArgumentError(
      `standardDeviations must be above 0, with squares that double precision can hold, got ${bad}.`,
      "standardDeviations",
      bad,
    );
  }
  return { variances };
}

function matrix(
  given: readonly (readonly number[])[],
  name: string,
  height: number,
  width: number,
): Float64Array<ArrayBuffer> {
  const rows = listOption(name, given);
  if (rows.length !== height) {
    throw new ShapeError(`${name} has ${rows.length} rows where ${height} are needed.`, [height, width], [rows.length]);
  }
  return Float64Array.from(
    rows.flatMap((entries, k) => {
      const row = listOption(`${name}[${k}]`, entries);
      if (row.length !== width) {
        throw new ShapeError(
          `${name}[${k}] has ${row.length} entries where ${width} are needed.`,
          [width],
          [row.length],
        );
      }
      const bad = row.find((value) => !Number.isFinite(value));
      if (bad !== undefined) {
        throw new ArgumentError(`${name}[${k}] holds ${bad}; finite numbers are needed.`, name, bad);
      }
      return row;
    }),
  );
}

/** The entries of an option that must be a list; typed arrays are lists too. */
function listOption<T>(name: string, value: readonly T[]): T[] {
  if (typeof value !== "object" || value === null || typeof value.length !== "number") {
    throw new ArgumentError(`${name} must be an array, got ${JSON.stringify(value)}.`, name, value);
  }
  return Array.from(value);
}

function normalised(weights: readonly number[] | undefined, components: number): Float64Array {
  const given = weights === undefined ? new Array<number>(components).fill(1) : listOption("weights", weights);
  if (given.length !== components) {
    throw new ShapeError(`weights has ${given.length} entries for ${components} means.`, [components], [given.length]);
  }
  const total = given.reduce((sum, weight) => sum + weight, 0);
  if (given.some((weight) => !(weight >= 0)) || !(total > 0) || !Number.isFinite(total)) {
    throw new ArgumentError(
      `weights must be at least 0 with a positive, finite sum, got [${given.join(", ")}].`,
      "weights",
      given,
    );
  }
  return Float64Array.from(given, (weight) => weight / total);
}

function checkSymmetric(covariances: readonly number[], components: number, d: number): void {
  for (let k = 0; k < components; k++) {
    for (let i = 0; i < d; i++) {
      for (let j = 0; j < i; j++) {
        const [a, b] = [covariances[(k * d + i) * d + j]!, covariances[(k * d + j) * d + i]!];
        if (Math.abs(a - b) > 1e-9 * Math.max(Math.abs(a), Math.abs(b))) {
          throw new ArgumentError(`covariances[${k}] is not symmetric: ${a} against ${b}.`, "covariances", [a, b]);
        }
      }
    }
  }
}

/**
 * out = M v, where M has component k's eigenvectors and the given eigenvalues.
 * @param eigenvalues `[K, d]`
 * @param vector `[d]`
 */
export function multiplyComponent(
  parts: Pick<MixtureParts, "dimension" | "axes">,
  k: number,
  eigenvalues: Float64Array,
  vector: Float64Array,
  out: Float64Array,
): Float64Array {
  const { dimension: d, axes } = parts;
  out.fill(0);
  for (let a = 0; a < d; a++) {
    if (axes === undefined) {
      out[a] = eigenvalues[k * d + a]! * vector[a]!;
      continue;
    }
    let along = 0;
    for (let i = 0; i < d; i++) {
      along += axes[(k * d + i) * d + a]! * vector[i]!;
    }
    along *= eigenvalues[k * d + a]!;
    for (let i = 0; i < d; i++) {
      out[i]! += axes[(k * d + i) * d + a]! * along;
    }
  }
  return out;
}
