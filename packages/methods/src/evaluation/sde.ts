import type { ControlPolicy, DiffusionData, Policy, PolicyStep } from "@diffusiongym/core";
import type { DrawRequest, Endpoints } from "../sampling/index.js";
import type { AdaptedSampler } from "./sampler.js";

/** Samples of the SDE on the environment's grid, with what their paths cost. */
export interface SdeSamples<D extends DiffusionData<D>, C extends object> extends Endpoints<D, C> {
  /** Sum of dt/2 |u|^2, shape [n]. */
  readonly klPath: Float32Array;
  /** log dP / dP_base of each path, shape [n]; undefined without noise. */
  readonly logRatio: Float64Array | undefined;
}

/**
 * Runs an adapted model through the environment's own SDE and accumulates L = sum of sqrt(dt) u . noise + dt/2 |u|^2, u being
 * the difference of the drifts over sigma: for policies and for controls, whatever the noise in use.
 */
export async function drawSde<D extends DiffusionData<D>, C extends object>(
  { environment, n, seed, indexOffset = 0, conditioning, signal }: DrawRequest<D, C>,
  sampler: AdaptedSampler<D, C>,
): Promise<SdeSamples<D, C>> {
  const { noiseSchedule, scheduler } = environment;
  const recorder = new BaseDriftRecorder(sampler);
  const rollout = environment.withPolicies(recorder.policies).rollout(n, {
    seed,
    indexOffset,
    ...(conditioning && { conditioning }),
    ...(signal && { signal }),
  });
  let logRatio: Float64Array | undefined = new Float64Array(n);
  let next = await rollout.next();
  while (!next.done) {
    const { time, dt, drift, noise, runningCosts } = next.value;
    if (noise === undefined) {
      logRatio = undefined;
    } else if (logRatio !== undefined && recorder.last !== undefined) {
      const along = drift
        .linearCombination(1, [[-1, recorder.last]])
        .scale(scheduler.evaluate((part, t) => Math.sqrt(dt) / noiseSchedule.sigma(t, part), time))
        .mul(noise)
        .aggregate("sum");
      for (let i = 0; i < n; i++) {
        logRatio[i]! += along[i]! + dt * runningCosts[i]!;
      }
    }
    next = await rollout.next();
  }
  const { latent, sample, rewards, valids, pathCosts, conditioning: completed } = next.value;
  return { latent, sample, rewards, valids, conditioning: completed, klPath: pathCosts, logRatio };
}

/** Passes policies through and keeps the base model's drift of the last step, which the step has computed anyway. */
class BaseDriftRecorder<D extends DiffusionData<D>, C extends object> {
  last: D | undefined;
  readonly policies: { policy?: Policy<D, C>; controlPolicy?: ControlPolicy<D, C> };

  constructor({ policy, controlPolicy }: AdaptedSampler<D, C>) {
    const note = async (step: PolicyStep<D>): Promise<void> => {
      this.last = await step.baseDrift();
    };
    this.policies = {
      ...(policy && {
        policy: {
          forward: async (x: D, t: Float32Array, conditioning: C, step: PolicyStep<D>): Promise<D> => {
            await note(step);
            return policy.forward(x, t, conditioning, step);
          },
        },
      }),
      ...(controlPolicy && {
        controlPolicy: {
          control: async (x: D, t: Float32Array, conditioning: C, step: PolicyStep<D>): Promise<D> => {
            await note(step);
            return controlPolicy.control(x, t, conditioning, step);
          },
        },
      }),
    };
  }
}
