import { type DiffusionData, type Environment, type Sample, type ValueFunction, ValuePolicy } from "@diffusiongym/core";
import { largestMagnitude } from "../monitoring/index.js";
import { RecordingControl } from "./recording-control.js";
import type { CostRecord } from "./targets.js";

/** A rollout under the greedy control of a value function, with what the regression needs of it. */
export interface ValueRollout<D extends DiffusionData<D>, C extends object> {
  readonly sample: Sample<D, C>;
  /** States x_0 ... x_N. */
  readonly states: readonly D[];
  /** Everything but the terminal cost. */
  readonly costs: Omit<CostRecord, "terminal">;
  /** Largest absolute number of any state. */
  readonly stateMax: number;
}

/** What to roll out, and how. */
export interface ValueRolloutRequest<D extends DiffusionData<D>, C extends object> {
  readonly environment: Environment<D, C>;
  /** The value function, or undefined for the base model alone. */
  readonly value: ValueFunction<D, C> | undefined;
  readonly lookAhead: boolean;
  readonly n: number;
  readonly seed: number;
  readonly indexOffset: number;
  readonly conditioning: Partial<C>;
  readonly signal: AbortSignal | undefined;
}

/** Rolls out n samples under u = -sigma grad V. */
export async function rollOutValue<D extends DiffusionData<D>, C extends object>(
  request: ValueRolloutRequest<D, C>,
): Promise<ValueRollout<D, C>> {
  const { environment, value, lookAhead, n, seed, indexOffset, conditioning, signal } = request;
  const recorder =
    value && new RecordingControl(new ValuePolicy({ value, scheduler: environment.scheduler, lookAhead }));
  const controlled = environment.withPolicies(recorder === undefined ? {} : { controlPolicy: recorder });
  const rollout = controlled.rollout(n, { seed, indexOffset, conditioning, ...(signal && { signal }) });
  const states: D[] = [];
  const dts: number[] = [];
  const runningCosts: Float32Array[] = [];
  const controlNoise: Float32Array[] = [];
  let stateMax = 0;
  let next = await rollout.next();
  while (!next.done) {
    const step = next.value;
    if (step.index === 0) {
      states.push(step.x);
      stateMax = largestMagnitude(step.x);
    }
    states.push(step.next);
    stateMax = Math.max(stateMax, largestMagnitude(step.next));
    dts.push(step.dt);
    runningCosts.push(step.runningCosts);
    const control = recorder?.last;
    controlNoise.push(
      control === undefined || step.noise === undefined
        ? new Float32Array(n)
        : control.mul(step.noise).aggregate("sum"),
    );
    next = await rollout.next();
  }
  return { sample: next.value, states, costs: { dts, runningCosts, controlNoise }, stateMax };
}
