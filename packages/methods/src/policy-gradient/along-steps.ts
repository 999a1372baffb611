import type { DiffusionData } from "@diffusiongym/core";
import type { Transition } from "../kernels/index.js";
import type { TrainablePolicy } from "../policies/index.js";
import {
  groupsOfSteps,
  repeatConditioning,
  repeatEach,
  stackData,
  takeConditioning,
  timesPerSample,
  unstackData,
} from "../rows/index.js";

/** Paths that were rolled out once and go through a policy again; every `Rollout` that kept its references is one. */
export interface Paths<D, C> {
  readonly transitions: readonly Transition[];
  /** States x_0 ... x_N. */
  readonly states: readonly D[];
  /** The base model's outputs at x_0 ... x_{N-1}. */
  readonly references: readonly D[];
  readonly conditioning: C;
}

/** Which steps of which paths, for which policy. */
export interface AlongRequest<D extends DiffusionData<D>, C extends object> {
  readonly policy: TrainablePolicy<D, C>;
  readonly paths: Paths<D, C>;
  /** Steps, by their number from 0. */
  readonly steps: readonly number[];
  readonly rowsAtOnce: number;
}

/** The derivatives of a loss by what one step's output decides, one number a sample each. */
export interface StepWeights {
  /** d loss / d log p(x_{k+1} | x_k). */
  readonly score: ArrayLike<number>;
  /** d loss / d KL_k, KL_k = |w_k|^2 / 2 against the base model. @default 0 */
  readonly cost?: ArrayLike<number> | undefined;
  /** Standard deviations below this one count as this in the log-probability. @default 0 */
  readonly leastDeviation?: number;
}

/** What `backwardAlong` goes back from. */
export interface BackwardRequest<D extends DiffusionData<D>, C extends object> extends AlongRequest<D, C> {
  /** The policy's outputs at the steps, in the order of `steps`. */
  readonly outputs: readonly D[];
  /** The weights of each step, in the order of `steps`. */
  readonly weights: readonly StepWeights[];
}

/** The policy's outputs at the states of some steps, in the order of `steps`. */
export async function outputsAlong<D extends DiffusionData<D>, C extends object>(
  request: AlongRequest<D, C>,
): Promise<D[]> {
  const { policy, steps } = request;
  const outputs: D[] = [];
  for (const { chosen, x, t, conditioning, reference } of groupsOf(request)) {
    const output = await policy.forward(x, t, conditioning, { baseOutput: () => reference });
    outputs.push(...unstackData(output, x.length / chosen.length));
  }
  return steps.length === 0 ? [] : outputs;
}

/**
 * Leaves the gradient of a loss that depends on the log-probabilities and on the costs of steps in `policy.gradients`: with
 * noise the one that leads from x_k to x_{k+1} under the policy and w the policy's shift, both in standard deviations s,
 *
 *     d loss / d out = g / s (score noise + cost w),   g = d mean / d out.
 *
 * @returns how far the policy's outputs are from the `outputs` that were given, relative to their size: above rounding when
 * the paths' constants come from another policy than the one at hand
 */
export async function backwardAlong<D extends DiffusionData<D>, C extends object>(
  request: BackwardRequest<D, C>,
): Promise<number> {
  const { policy, paths, outputs, weights } = request;
  let mismatch = 0;
  let size = 0;
  let place = 0;
  for (const { chosen, x, t, conditioning, reference } of groupsOf(request)) {
    const known = chosen.map((_, j) => outputs[place + j]!);
    const cotangents = chosen.map((k, j) => stepCotangent(paths, k, known[j]!, weights[place + j]!));
    const { output } = await policy.backward({
      x,
      t,
      conditioning,
      reference,
      cotangents: stackData(cotangents),
      accumulate: place > 0,
    });
    const given = stackData(known);
    mismatch += sum(output.linearCombination(1, [[-1, given]]).squaredNorm());
    size += sum(given.squaredNorm());
    place += chosen.length;
  }
  return Math.sqrt(mismatch / Math.max(size, 1e-12));
}

/** Chosen paths, in the order of their indices. */
export function takePaths<D extends DiffusionData<D>, C extends object>(
  paths: Paths<D, C>,
  indices: Int32Array,
): Paths<D, C> {
  return {
    transitions: paths.transitions,
    states: paths.states.map((x) => x.take(indices)),
    references: paths.references.map((reference) => reference.take(indices)),
    conditioning: takeConditioning(paths.conditioning, indices),
  };
}

/** The noise that leads from x_k to x_{k+1} under an output. */
export function stepNoise<D extends DiffusionData<D>, C extends object>(
  { transitions, states }: Paths<D, C>,
  k: number,
  output: D,
): D {
  return transitions[k]!.noise(states[k + 1]!, states[k]!, output);
}

function stepCotangent<D extends DiffusionData<D>, C extends object>(
  paths: Paths<D, C>,
  k: number,
  output: D,
  { score, cost, leastDeviation = 0 }: StepWeights,
): D {
  const transition = paths.transitions[k]!;
  const byNoise = transition.coefficient(function scoreFactor({ output: gain, deviation }) {
    return deviation === 0 ? 0 : (gain / deviation) * Math.min(1, deviation / leastDeviation) ** 2;
  });
  const pushed = stepNoise(paths, k, output).scale(timesPerSample(byNoise, score));
  if (cost === undefined) {
    return pushed;
  }
  const slope = transition.klStepGradient(output, paths.references[k]!);
  return pushed.linearCombination(1, [[Float64Array.from(cost), slope]]);
}

interface StepGroup<D, C> {
  readonly chosen: readonly number[];
  readonly x: D;
  readonly t: Float32Array;
  readonly conditioning: C;
  readonly reference: D;
}

/** Consecutive steps as rows of one batch, as many at once as allowed. */
function* groupsOf<D extends DiffusionData<D>, C extends object>({
  paths,
  steps,
  rowsAtOnce,
}: AlongRequest<D, C>): Generator<StepGroup<D, C>> {
  const { transitions, states, references, conditioning } = paths;
  const n = states[0]!.length;
  for (const group of groupsOfSteps(steps.length, n, rowsAtOnce)) {
    const chosen = group.map((j) => steps[j]!);
    yield {
      chosen,
      x: stackData(chosen.map((k) => states[k]!)),
      t: repeatEach(
        chosen.map((k) => transitions[k]!.from),
        n,
      ),
      conditioning: repeatConditioning(conditioning, chosen.length, n),
      reference: stackData(chosen.map((k) => references[k]!)),
    };
  }
}

function sum(values: Float32Array): number {
  return values.reduce((total, value) => total + value, 0);
}
