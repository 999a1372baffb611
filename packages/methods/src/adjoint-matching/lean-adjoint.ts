import { checkFinite, type DiffusionData, throwIfAborted } from "@diffusiongym/core";
import type { DifferentiableModel } from "../policies/index.js";
import type { Rollout } from "../sampling/index.js";

/** Which adjoint a step is matched to: the one after the step (exact for the discrete chain) or the one before it (public code). */
export type AdjointIndex = "next" | "current";

/** What matching needs of one step. */
export interface AdjointStep<D> {
  /** The adjoint that the step's control is matched to. */
  readonly adjoint: D;
  /** The base model's output at the step's state. */
  readonly reference: D;
}

/**
 * The lean adjoint of a rollout: backwards from a_N through the means of the *base* model's steps along the policy's
 * states (METHODS 1.2),
 *
 *     a_k = (d mean_ref(x_k) / d x)^T a_{k+1} = state a_{k+1} + (d out_ref / d x)^T (output a_{k+1})
 *
 * which for Euler-Maruyama is a_k = a_{k+1} + dt (d b_ref / d x)^T a_{k+1}. One vector-Jacobian product a step.
 *
 * @param terminal a_N, the gradient of the terminal COST: -lambda grad r
 * @returns one entry a step, in the order of the steps, and a_0
 * @throws NonFiniteError when an adjoint overflows
 */
export async function leanAdjoint<D extends DiffusionData<D>, C extends object>(
  model: DifferentiableModel<D, C>,
  rollout: Rollout<D, C>,
  terminal: D,
  { index, signal }: { readonly index: AdjointIndex; readonly signal?: AbortSignal | undefined },
): Promise<{ readonly steps: readonly AdjointStep<D>[]; readonly initial: D }> {
  const { transitions, states, conditioning } = rollout;
  const steps = new Array<AdjointStep<D>>(transitions.length);
  let next = terminal;
  for (let k = transitions.length - 1; k >= 0; k--) {
    throwIfAborted(signal, "The adjoint");
    const transition = transitions[k]!;
    const x = states[k]!;
    const { output, gradient } = await model.vjp({
      x,
      t: new Float32Array(x.length).fill(transition.from),
      conditioning,
      cotangents: next.scale(transition.output),
    });
    const current = next.linearCombination(transition.state, [[1, gradient]]);
    checkFinite(current, "The adjoint", k);
    steps[k] = { adjoint: index === "next" ? next : current, reference: output };
    next = current;
  }
  return { steps, initial: next };
}
