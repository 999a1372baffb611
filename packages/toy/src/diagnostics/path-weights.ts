import { ArgumentError, type DDTensor, type Environment, type NoConditioning, type Sample } from "@diffusiongym/core";
import { logSumExp, type Numbers } from "../numeric/index.js";
import { type MeanEstimate, meanEstimate } from "./mean-reward.js";

/** Path KL of a rollout to the base process, E 1/2 int |u|^2 dt, with its standard error; KL* at the optimum. */
export function klPath(sample: Sample<DDTensor, NoConditioning>): MeanEstimate {
  return meanEstimate(sample.pathCosts);
}

/** Importance weights of controlled paths against the tilted base process. */
export interface PathWeights {
  /** lambda r - log dP^u/dP of each path, `[n]`; all equal to log Z for the optimal control in continuous time. */
  readonly logWeights: Float64Array;
  /** Sum over the steps of sqrt(dt) u . noise, `[n]`. */
  readonly stochasticIntegrals: Float64Array;
  /** Sum over the steps of dt/2 |u|^2, `[n]`. */
  readonly energies: Float64Array;
  /** (sum w)^2 / (n sum w^2): 1 for the optimal control; 1 - it bounds how far the sampled law is from the tilt. */
  readonly effectiveSampleFraction: number;
}

/**
 * Girsanov weights w = exp(lambda r - sum(sqrt(dt) u . xi + dt/2 |u|^2)) of a rollout, u being the control in the sense of the
 * noise in use: u = (drift - base drift) / sigma.
 * @param environment the environment that made the rollout
 * @param sample a rollout with `trajectory`, `drifts` and `noises` recorded
 * @throws ArgumentError when a field was not recorded, there is no sample, or the rollout was without noise
 */
export async function pathWeights(
  environment: Environment<DDTensor, NoConditioning>,
  sample: Sample<DDTensor, NoConditioning>,
): Promise<PathWeights> {
  const { trajectory, drifts, noises, timesteps } = sample;
  const n = sample.length;
  const base = environment.withPolicies({});
  const stochasticIntegrals = new Float64Array(n);
  const energies = new Float64Array(n);
  for (let k = 0; k < drifts.length; k++) {
    const dt = timesteps[k + 1]! - timesteps[k]!;
    const times = new Float32Array(n).fill(timesteps[k]!);
    const { drift } = await base.drift(trajectory[k]!, times, sample.conditioning);
    const sigma = base.diffusion(times) as Float64Array;
    if (sigma[0] === 0) {
      throw new ArgumentError(
        `pathWeights: without noise (sigma is 0 at t = ${timesteps[k]}) no path has a weight; use a noise schedule above 0.`,
        "environment",
      );
    }
    const push = drifts[k]!.sub(drift);
    const along = push.mul(noises[k]!).aggregate("sum");
    const energy = push.squaredNorm();
    for (let i = 0; i < n; i++) {
      stochasticIntegrals[i]! += (Math.sqrt(dt) * along[i]!) / sigma[i]!;
      energies[i]! += (dt * energy[i]!) / (2 * sigma[i]! ** 2);
    }
  }
  const logWeights = energies.map(
    (energy, i) => sample.rewardScale * sample.rewards[i]! - energy - stochasticIntegrals[i]!,
  );
  return {
    logWeights,
    stochasticIntegrals,
    energies,
    effectiveSampleFraction: effectiveSampleFraction(logWeights),
  };
}

/** (sum w)^2 / (n sum w^2) from log weights: the share of n equally weighted samples that these are worth. */
export function effectiveSampleFraction(logWeights: Numbers): number {
  if (logWeights.length === 0) {
    throw new ArgumentError("effectiveSampleFraction: there is no weight.", "logWeights");
  }
  const doubled = Float64Array.from(logWeights, (logWeight) => 2 * logWeight);
  return Math.exp(2 * logSumExp(logWeights) - logSumExp(doubled)) / logWeights.length;
}
