import { DDTensor, type Environment, Tensor } from "@diffusiongym/core";

/**
 * For an environment whose drift is affine in the state, the end state of a scalar rollout is
 * offset + start * x0 + sum_k noise[k] * xi_k; this finds the numbers exactly, by rollouts with one unit input each.
 */
export interface LinearResponse {
  readonly offset: number;
  readonly start: number;
  readonly noise: Float64Array;
}

/** Measures the response of an environment on data of shape [n, 1]. */
export async function linearResponse(environment: Environment<DDTensor, object>): Promise<LinearResponse> {
  const { steps } = environment;
  const n = steps + 2;
  const unit = (row: number): DDTensor => {
    const data = new Float32Array(n);
    data[row] = 1;
    return new DDTensor(new Tensor(data, [n, 1]));
  };
  const { latent } = await environment.sample(n, {
    x0: unit(1),
    noises: Array.from({ length: steps }, (_, k) => unit(k + 2)),
  });
  const offset = latent.data[0]!;
  return {
    offset,
    start: latent.data[1]! - offset,
    noise: Float64Array.from(latent.data.subarray(2), (value) => value - offset),
  };
}

/** Mean and variance of the end state when x0 has the given ones and the noise is standard normal. */
export function endMoments(
  response: LinearResponse,
  start: { readonly mean: number; readonly variance: number },
): { readonly mean: number; readonly variance: number } {
  return {
    mean: response.offset + response.start * start.mean,
    variance: response.start ** 2 * start.variance + response.noise.reduce((sum, value) => sum + value ** 2, 0),
  };
}
