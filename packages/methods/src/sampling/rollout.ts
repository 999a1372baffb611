import { checkFinite, checkStructure, type DiffusionData, RandomKey, throwIfAborted } from "@diffusiongym/core";
import { eulerMaruyamaKernel, type Transition, type TransitionKernel, transitionsAlong } from "../kernels/index.js";
import { largestMagnitude } from "../monitoring/index.js";
import type { TrainablePolicy } from "../policies/index.js";
import { type DrawRequest, drawStart, type Endpoints, judge } from "./draw.js";

/** What a rollout may keep of its steps, one batch a step. */
export type RolloutField = "outputs" | "references" | "noises";

/** What to roll out, and how. */
export interface RolloutRequest<D extends DiffusionData<D>, C extends object> extends DrawRequest<D, C> {
  /** Who acts; undefined for the base model. */
  readonly policy?: TrainablePolicy<D, C> | undefined;
  /** How steps are taken. @default Euler-Maruyama with the environment's noise */
  readonly kernel?: TransitionKernel;
  /** The time grid. @default the environment's */
  readonly times?: ArrayLike<number>;
  /** What is kept beside the states. @default none */
  readonly keep?: readonly RolloutField[];
}

/** A rollout with what it cost against the base model. All constants of the losses come from here. */
export interface Rollout<D extends DiffusionData<D>, C extends object> extends Endpoints<D, C> {
  /** The steps that were taken. */
  readonly transitions: readonly Transition[];
  /** States x_0 ... x_N. */
  readonly states: readonly D[];
  /** The acting model's outputs at x_0 ... x_{N-1}; empty unless kept. */
  readonly outputs: readonly D[];
  /** The base model's outputs there; empty unless kept. */
  readonly references: readonly D[];
  /** The noise of each step; empty unless kept. */
  readonly noises: readonly D[];
  /** |w_k|^2 / 2 of each step, shape [n] each; w = sqrt(dt) u for Euler-Maruyama. */
  readonly klSteps: readonly Float32Array[];
  /** w_k . noise of each step, shape [n] each. */
  readonly controlNoise: readonly Float32Array[];
  /** Sum over the steps of |w|^2 / 2, shape [n]: its mean is the path KL to the base model. */
  readonly klPath: Float64Array;
  /**
   * L = sum of w . noise + |w|^2 / 2 = log dP / dP_base of each path, shape [n]; exact for the discrete chain (METHODS 1.9,
   * 1.16). E[exp(lambda r - L) f] over these paths is E_base[exp(lambda r) f] whatever the policy.
   */
  readonly logRatio: Float64Array;
  /** Largest absolute number of any state. */
  readonly stateMax: number;
}

/**
 * Runs a policy from noise to data without a tape and judges the samples. The noise of sample i at step k is that of
 * `Environment.sample` with the same seed.
 */
export async function rollOut<D extends DiffusionData<D>, C extends object>(
  request: RolloutRequest<D, C>,
): Promise<Rollout<D, C>> {
  const { environment, policy, n, seed, indexOffset = 0, keep = [], signal } = request;
  const { baseModel } = environment;
  const kernel = request.kernel ?? eulerMaruyamaKernel(environment.noiseSchedule);
  const transitions = transitionsAlong(kernel, baseModel, request.times ?? environment.timesteps);
  throwIfAborted(signal, "Sampling");
  const start = await drawStart(request);
  const { conditioning } = start;
  let { x } = start;
  const noiseKey = RandomKey.fromSeed(seed).fold("noise");
  const record: Recording<D> = { states: [x], outputs: [], references: [], noises: [], klSteps: [], controlNoise: [] };
  let stateMax = largestMagnitude(x);
  for (const [k, transition] of transitions.entries()) {
    throwIfAborted(signal, "Sampling");
    const t = new Float32Array(n).fill(transition.from);
    const reference = checked(await baseModel.forward(x, t, conditioning), x, "The model's output", k);
    const output =
      policy === undefined
        ? reference
        : checked(
            await policy.forward(x, t, conditioning, { baseOutput: () => reference }),
            x,
            "The policy's output",
            k,
          );
    const noise = transition.isStochastic ? x.randnLike(noiseKey.fold(k).streams(indexOffset)) : x.zerosLike();
    if (policy === undefined) {
      record.klSteps.push(new Float32Array(n));
      record.controlNoise.push(new Float32Array(n));
    } else {
      const shift = transition.shift(output, reference);
      record.klSteps.push(shift.squaredNorm().map((norm) => norm / 2));
      record.controlNoise.push(shift.mul(noise).aggregate("sum"));
    }
    if (keep.includes("outputs")) record.outputs.push(output);
    if (keep.includes("references")) record.references.push(reference);
    if (keep.includes("noises")) record.noises.push(noise);
    x = transition.sample(x, output, noise);
    checkFinite(x, "The state after the step", k);
    record.states.push(x);
    stateMax = Math.max(stateMax, largestMagnitude(x));
  }
  throwIfAborted(signal, "Sampling");
  return { ...(await judge(environment, x, conditioning)), ...record, ...pathSums(record, n), transitions, stateMax };
}

interface Recording<D> {
  readonly states: D[];
  readonly outputs: D[];
  readonly references: D[];
  readonly noises: D[];
  readonly klSteps: Float32Array[];
  readonly controlNoise: Float32Array[];
}

function pathSums<D>(
  { klSteps, controlNoise }: Recording<D>,
  n: number,
): { klPath: Float64Array; logRatio: Float64Array } {
  const klPath = new Float64Array(n);
  const logRatio = new Float64Array(n);
  for (const [k, costs] of klSteps.entries()) {
    for (let i = 0; i < n; i++) {
      klPath[i]! += costs[i]!;
      logRatio[i]! += costs[i]! + controlNoise[k]![i]!;
    }
  }
  return { klPath, logRatio };
}

/** The batch itself, when it is built like the state and finite. */
function checked<D extends DiffusionData<D>>(batch: D, x: D, source: string, step: number): D {
  checkStructure(batch, x, source);
  checkFinite(batch, source, step);
  return batch;
}
