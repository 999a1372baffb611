import { checkFinite, type DiffusionData, throwIfAborted } from "@diffusiongym/core";
import type { DifferentiableModel, TrainablePolicy } from "../policies/index.js";
import type { Rollout } from "../sampling/index.js";

/** What is differentiated. */
export interface TruncatedGradientRequest<D extends DiffusionData<D>, C extends object> {
  readonly policy: TrainablePolicy<D, C>;
  /** With outputs kept, and references where `klWeight` is not 0. */
  readonly rollout: Rollout<D, C>;
  /** d loss / d x_N, what each sample counts included. */
  readonly terminal: D;
  /** The last steps that gradients pass through. */
  readonly steps: number;
  /** Factor of each sample's path KL over these steps, shape [n], or undefined for none. */
  readonly klShares: Float32Array | undefined;
  /** Needed where `klShares` is given and more than one step is differentiated. */
  readonly base: DifferentiableModel<D, C> | undefined;
  readonly signal: AbortSignal | undefined;
}

/**
 * Back-propagation through the last steps of a rollout, whose states and noises are held: through the mean of every step and
 * the policy in it. Leaves the gradient with respect to the parameters in `policy.gradients`. Only one step's network is in
 * memory at a time, because every state was stored.
 */
export async function truncatedGradient<D extends DiffusionData<D>, C extends object>(
  request: TruncatedGradientRequest<D, C>,
): Promise<void> {
  const { policy, rollout, terminal, steps, klShares, base, signal } = request;
  const { transitions, states, outputs, references, conditioning } = rollout;
  const last = transitions.length - 1;
  let adjoint = terminal;
  for (let k = last; k > last - steps; k--) {
    throwIfAborted(signal, "Back-propagation");
    const transition = transitions[k]!;
    const x = states[k]!;
    const t = new Float32Array(x.length).fill(transition.from);
    const through = adjoint.scale(transition.output);
    const cost = klShares && transition.klStepGradient(outputs[k]!, references[k]!).scale(klShares);
    const cotangents = cost === undefined ? through : through.linearCombination(1, [[1, cost]]);
    const rows = { x, t, conditioning, ...(references[k] && { reference: references[k] }) };
    await policy.backward({ ...rows, cotangents, accumulate: k < last });
    if (k > last - steps + 1) {
      const { gradient } = await policy.vjp({ ...rows, cotangents });
      adjoint = adjoint.linearCombination(transition.state, [[1, gradient]]);
      if (cost !== undefined) {
        const below = await base!.vjp({ x, t, conditioning, cotangents: cost });
        adjoint = adjoint.linearCombination(1, [[-1, below.gradient]]);
      }
      checkFinite(adjoint, "The gradient of the reward along the trajectory", k);
    }
  }
}
