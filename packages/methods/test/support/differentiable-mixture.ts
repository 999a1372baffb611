import { DDTensor, type NoConditioning, outputAlgebra, Tensor } from "@diffusiongym/core";
import type { DifferentiableModel, StateCotangents } from "@diffusiongym/methods";
import { GaussianMixtureModel } from "@diffusiongym/toy";

/** The exact model of a mixture with diagonal covariances, differentiable with respect to the state. */
export class DifferentiableMixture
  extends GaussianMixtureModel
  implements DifferentiableModel<DDTensor, NoConditioning>
{
  /** J^T a with J = sum_k gamma_k (G_k + f_k (grad log gamma_k)^T), grad log gamma_k = -z_k - score. */
  vjp({ x, t, cotangents }: StateCotangents<DDTensor, NoConditioning>): { output: DDTensor; gradient: DDTensor } {
    const { dimension: d, components, variances } = this.mixture;
    const out = new Float32Array(x.data.length);
    let time = Number.NaN;
    let view = this.mixture.atTime(this.scheduler, 0.5);
    const score = new Float64Array(d);
    for (let row = 0; row < x.length; row++) {
      if (t[row] !== time) {
        time = t[row]!;
        view = this.mixture.atTime(this.scheduler, time);
      }
      const [alpha, beta] = [this.scheduler.alpha(time), this.scheduler.beta(time)];
      const pair = outputAlgebra[this.outputType].fromPair(this.scheduler, time);
      const { logWeights, means, pulls } = view.experts(x.data, row);
      score.fill(0);
      for (let j = 0; j < components * d; j++) {
        score[j % d]! -= Math.exp(logWeights[Math.floor(j / d)]!) * pulls[j]!;
      }
      for (let k = 0; k < components; k++) {
        const gamma = Math.exp(logWeights[k]!);
        let along = 0;
        for (let i = 0; i < d; i++) {
          const expert = pair.endpoint * means[k * d + i]! + pair.epsilon * beta * pulls[k * d + i]!;
          along += expert * cotangents.data[row * d + i]!;
        }
        for (let i = 0; i < d; i++) {
          const variance = variances[k * d + i]!;
          const gain =
            (pair.endpoint * alpha * variance + pair.epsilon * beta) / (alpha * alpha * variance + beta * beta);
          const slope = -pulls[k * d + i]! - score[i]!;
          out[row * d + i]! += gamma * (gain * cotangents.data[row * d + i]! + along * slope);
        }
      }
    }
    return { output: this.forward(x, t), gradient: new DDTensor(new Tensor(out, x.shape)) };
  }
}
