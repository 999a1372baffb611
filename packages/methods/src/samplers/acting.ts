import {
  type ControlPolicy,
  checkFinite,
  checkStructure,
  type DiffusionData,
  type Environment,
  outputAlgebraOf,
  type Policy,
  type PolicyStep,
  type Scheduler,
} from "@diffusiongym/core";

/** Who proposes the next states: an adapted model. Weights make up for it. */
export interface Proposal<D extends DiffusionData<D>, C extends object> {
  /** Replaces the base model's output. */
  readonly policy?: Policy<D, C>;
  /** Added as a control of the memoryless process. */
  readonly controlPolicy?: ControlPolicy<D, C>;
}

/** Where an output is wanted. */
export interface ActingRequest<D, C> {
  readonly x: D;
  readonly conditioning: C;
  /** Number of the step. */
  readonly index: number;
  readonly time: number;
  /** Length of the step. */
  readonly dt: number;
}

/** The base model's output, and that of the proposal, which is the same object without one. */
export async function actingOutputs<D extends DiffusionData<D>, C extends object>(
  environment: Environment<D, C>,
  proposal: Proposal<D, C> | undefined,
  { x, conditioning, index, time, dt }: ActingRequest<D, C>,
): Promise<{ readonly reference: D; readonly output: D }> {
  const { baseModel, noiseSchedule, outputType, scheduler } = environment;
  const algebra = outputAlgebraOf(outputType);
  const t = new Float32Array(x.length).fill(time);
  const checked = (batch: D, source: string): D => {
    checkStructure(batch, x, source);
    checkFinite(batch, source, index);
    return batch;
  };
  const reference = checked(await baseModel.forward(x, t, conditioning), "The model's output");
  const drift = (part: Scheduler, at: number) =>
    algebra.drift(part, at, noiseSchedule.isMemoryless ? "memoryless" : noiseSchedule.sigma(at, part) ** 2 / 2);
  const step: PolicyStep<D> = {
    index,
    time,
    dt,
    baseOutput: async () => reference,
    baseDrift: async () =>
      x.linearCombination(
        scheduler.evaluate((part, at) => drift(part, at).state, time),
        [[scheduler.evaluate((part, at) => drift(part, at).output, time), reference]],
      ),
  };
  let output = reference;
  if (proposal?.policy !== undefined) {
    output = checked(await proposal.policy.forward(x, t, conditioning, step), "The policy's output");
  }
  if (proposal?.controlPolicy !== undefined) {
    const control = checked(await proposal.controlPolicy.control(x, t, conditioning, step), "The control");
    // sigma / (d drift / d out) of the memoryless process: how far a unit of control shifts the output.
    const shift = (part: Scheduler, at: number): number =>
      part.sigmaMemoryless(at) / algebra.drift(part, at, "memoryless").output;
    output = output.linearCombination(1, [[scheduler.evaluate(shift, time), control]]);
  }
  return { reference, output };
}

/** The endpoint E[x1 | x_t] that an output implies. */
export function endpointOf<D extends DiffusionData<D>, C extends object>(
  { outputType, scheduler }: Environment<D, C>,
  x: D,
  output: D,
  time: number,
): D {
  const { endpoint } = outputAlgebraOf(outputType);
  const state = scheduler.evaluate(function endpointState(part, at) {
    return endpoint(part, at).state;
  }, time);
  const factor = scheduler.evaluate(function endpointOutput(part, at) {
    return endpoint(part, at).output;
  }, time);
  return x.linearCombination(state, [[factor, output]]);
}
