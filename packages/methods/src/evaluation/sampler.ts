import {
  type ControlPolicy,
  type DiffusionData,
  type Environment,
  outputAlgebraOf,
  type Policy,
  type PolicyStep,
  type Scheduler,
} from "@diffusiongym/core";
import type { Metrics } from "../method/index.js";
import type { DrawRequest, Endpoints, OutputField } from "../sampling/index.js";

/** An adapted model, or the base model when both are left out: sampled by the SDE and by the ODE. */
export interface AdaptedSampler<D extends DiffusionData<D>, C extends object> {
  /** Replaces the base model's output. */
  readonly policy?: Policy<D, C>;
  /** Added as a control. */
  readonly controlPolicy?: ControlPolicy<D, C>;
}

/** A way to sample that is no process of the environment, such as the best of n. */
export interface CustomSampler<D extends DiffusionData<D>, C extends object> {
  /** Draws `request.n` samples with their rewards, and says what it knows of the draw. */
  draw(request: DrawRequest<D, C>): Promise<Endpoints<D, C> & { readonly diagnostics?: Metrics }>;
}

/** What `evaluate` compares. */
export type EvaluatedSampler<D extends DiffusionData<D>, C extends object> = AdaptedSampler<D, C> | CustomSampler<D, C>;

/** The output of the adapted model: the policy's, shifted by the control (METHODS 0.3). */
export function adaptedField<D extends DiffusionData<D>, C extends object>(
  environment: Environment<D, C>,
  { policy, controlPolicy }: AdaptedSampler<D, C>,
  conditioning: C,
  { dt }: { readonly dt: number },
): OutputField<D> {
  const { baseModel, scheduler, outputType } = environment;
  // sigma / (d drift / d out) of the memoryless process: how far a unit of control shifts the output.
  const outputShift = (part: Scheduler, t: number): number =>
    part.sigmaMemoryless(t) / outputAlgebraOf(outputType).drift(part, t, "memoryless").output;
  const flow = (part: Scheduler, t: number) => outputAlgebraOf(outputType).drift(part, t, 0);
  return async (x, time) => {
    const t = new Float32Array(x.length).fill(time);
    let base: Promise<D> | undefined;
    const step: PolicyStep<D> = {
      index: 0,
      time,
      // Look-ahead must not leave the interval.
      dt: Math.min(dt, 1 - time),
      baseOutput: () => {
        base ??= Promise.resolve(baseModel.forward(x, t, conditioning));
        return base;
      },
      baseDrift: async () =>
        x.linearCombination(
          scheduler.evaluate((part, at) => flow(part, at).state, time),
          [[scheduler.evaluate((part, at) => flow(part, at).output, time), await step.baseOutput()]],
        ),
    };
    const output = await (policy?.forward(x, t, conditioning, step) ?? step.baseOutput());
    if (controlPolicy === undefined) {
      return output;
    }
    const control = await controlPolicy.control(x, t, conditioning, step);
    return output.linearCombination(1, [[scheduler.evaluate(outputShift, time), control]]);
  };
}
