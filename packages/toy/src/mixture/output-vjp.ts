import type { OutputType } from "@diffusiongym/core";
import type { Numbers } from "../numeric/index.js";
import type { MixtureParts } from "./mixture-options.js";
import type { PathPoint } from "./path-point.js";

/** What `outputVjp` needs to know of the mixture at its time. */
interface ExpertsView {
  readonly point: PathPoint;
  /** log gamma_k, posterior means and pulls z_k of one row. */
  experts(
    x: Numbers,
    row: number,
  ): { readonly logWeights: Float64Array; readonly means: Float64Array; readonly pulls: Float64Array };
}

/** What is differentiated, where, and along which vectors; rows are `[n, d]`. */
export interface OutputVjpRequest {
  readonly parts: MixtureParts;
  readonly view: ExpertsView;
  readonly type: OutputType;
  readonly x: Numbers;
  readonly cotangents: Numbers;
  /** Receives the result. */
  readonly out: Float64Array | Float32Array;
}

/**
 * J^T a = sum_k gamma_k (G_k a + (f_k . a) grad log gamma_k) of each row. Component k's output f_k is linear in its posterior
 * mean and its pull z_k, G_k is the Jacobian of f_k, which is symmetric, and grad log gamma_k = sum_l gamma_l z_l - z_k.
 */
export function outputVjp({ parts, view, type, x, cotangents, out }: OutputVjpRequest): void {
  const { dimension: d, weights, variances, axes } = parts;
  const { alpha, beta, alphaDot, betaBetaDot } = view.point;
  const components = weights.length;
  const meanFactor = { score: 0, endpoint: 1, epsilon: 0, velocity: alphaDot }[type];
  const pullFactor = { score: -1, endpoint: 0, epsilon: beta, velocity: betaBetaDot }[type];
  const gain = variances.map(
    (variance) => (meanFactor * alpha * variance + pullFactor) / (alpha * alpha * variance + beta * beta),
  );
  const meanPull = new Float64Array(d);
  const total = new Float64Array(d);
  for (let base = 0; base < x.length; base += d) {
    const { logWeights, means, pulls } = view.experts(x, base / d);
    meanPull.fill(0);
    for (let j = 0; j < components * d; j++) {
      meanPull[j % d]! += Math.exp(logWeights[Math.floor(j / d)]!) * pulls[j]!;
    }
    total.fill(0);
    for (let k = 0; k < components; k++) {
      const gamma = Math.exp(logWeights[k]!);
      let along = 0;
      for (let i = 0; i < d; i++) {
        const expert = meanFactor * means[k * d + i]! + pullFactor * pulls[k * d + i]!;
        along += expert * cotangents[base + i]!;
      }
      for (let i = 0; i < d; i++) {
        total[i]! += gamma * along * (meanPull[i]! - pulls[k * d + i]!);
      }
      for (let a = 0; a < d; a++) {
        if (axes === undefined) {
          total[a]! += gamma * gain[k * d + a]! * cotangents[base + a]!;
          continue;
        }
        let coordinate = 0;
        for (let i = 0; i < d; i++) {
          coordinate += axes[(k * d + i) * d + a]! * cotangents[base + i]!;
        }
        for (let i = 0; i < d; i++) {
          total[i]! += gamma * gain[k * d + a]! * coordinate * axes[(k * d + i) * d + a]!;
        }
      }
    }
    out.set(total, base);
  }
}
