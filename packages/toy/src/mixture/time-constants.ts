import type { OutputType } from "@diffusiongym/core";
import type { MixtureParts } from "./mixture-options.js";
import type { PathPoint } from "./path-point.js";

/** An output is sum_k gamma_k f_k, f_k = shifts_k + G_k (x - alpha mu_k), where G_k has component k's eigenvectors. */
export interface AffineOutput {
  /** `[K, d]`. */
  readonly shifts: Float64Array;
  /** Eigenvalues of G_k, `[K, d]`. */
  readonly gain: Float64Array;
}

/**
 * What the formulas of a mixture need of one time, whatever the states. `moveTo` computes them for another time in place, so
 * that a batch where every row has a time of its own allocates nothing a row.
 */
export class TimeConstants {
  /** alpha mu_k, `[K, d]`. */
  readonly centres: Float64Array;
  /** 1 / eigenvalues of C_k, `[K, d]`. */
  readonly precisions: Float64Array;
  /** log w_k - 1/2 log det(2 pi C_k), `[K]`. */
  readonly logScales: Float64Array;
  /** z_k = C_k^-1 (x - alpha mu_k) in the form of an output. */
  readonly pull: AffineOutput;
  readonly #parts: MixtureParts;
  readonly #logWeights: Float64Array;
  readonly #outputs = new Map<OutputType, AffineOutput & { point: PathPoint | undefined }>();
  #point: PathPoint;

  constructor(parts: MixtureParts, point: PathPoint) {
    const size = parts.means.length;
    this.#parts = parts;
    this.#point = point;
    this.#logWeights = parts.weights.map(Math.log);
    this.centres = new Float64Array(size);
    this.precisions = new Float64Array(size);
    this.logScales = new Float64Array(parts.weights.length);
    this.pull = { shifts: new Float64Array(size), gain: this.precisions };
    this.moveTo(point);
  }

  /** Where on the path. */
  get point(): PathPoint {
    return this.#point;
  }

  /** Computes the constants of another time; those of an output when it is next asked for. */
  moveTo(point: PathPoint): void {
    const { alpha, beta } = point;
    const { dimension: d, means, variances } = this.#parts;
    const { centres, precisions, logScales } = this;
    this.#point = point;
    let precision = Number.NaN;
    let halfLog = Number.NaN;
    for (let k = 0, j = 0; k < logScales.length; k++) {
      let logScale = this.#logWeights[k]!;
      for (let i = 0; i < d; i++, j++) {
        centres[j] = alpha * means[j]!;
        const own = 1 / (alpha * alpha * variances[j]! + beta * beta);
        precisions[j] = own;
        // A logarithm costs more than all the rest, and most mixtures have few different variances.
        if (own !== precision) {
          precision = own;
          halfLog = 0.5 * Math.log(own / (2 * Math.PI));
        }
        logScale += halfLog;
      }
      logScales[k] = logScale;
    }
  }

  /** An output's shifts and gain, valid until `moveTo`. */
  output(type: OutputType): AffineOutput {
    const { means, variances } = this.#parts;
    let output = this.#outputs.get(type);
    if (output === undefined) {
      const [shifts, gain] = [new Float64Array(means.length), new Float64Array(means.length)];
      output = { shifts, gain, point: undefined };
      this.#outputs.set(type, output);
    }
    if (output.point !== this.#point) {
      output.point = this.#point;
      const { alpha, beta, alphaDot, betaBetaDot } = this.#point;
      const meanFactor = type === "velocity" ? alphaDot : type === "endpoint" ? 1 : 0;
      const pullFactor = type === "velocity" ? betaBetaDot : type === "endpoint" ? 0 : type === "epsilon" ? beta : -1;
      const slope = meanFactor * alpha;
      for (let j = 0; j < means.length; j++) {
        output.shifts[j] = meanFactor * means[j]!;
        output.gain[j] = (slope * variances[j]! + pullFactor) * this.precisions[j]!;
      }
    }
    return output;
  }
}
