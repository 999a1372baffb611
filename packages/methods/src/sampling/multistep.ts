import { type Coefficient, convertOutput, type DiffusionData, type Scheduler } from "@diffusiongym/core";
import type { OdeStep, OdeStepper } from "./ode-step.js";

/**
 * DPM-Solver++(2M) (METHODS 3): x' = (beta' / beta) x + alpha' (1 - exp(-h)) D, with h the step in log alpha / beta and D
 * extrapolated from the last two endpoints, D + (h / 2 h_before) (D - D_before). Of first order in the first and in the last
 * step, and after a step out of t = 0, where h is infinite.
 */
export function multistep<D extends DiffusionData<D>>(): OdeStepper<D> {
  let before: { readonly endpoint: D; readonly from: number } | undefined;
  return async (step) => {
    const { x, from, to, field } = step;
    const at = (f: (scheduler: Scheduler, t: number) => number): Coefficient => step.model.scheduler.evaluate(f, from);
    const endpoint = predicted(step, await field(x, from));
    const decay = (scheduler: Scheduler): number => signalRatio(scheduler, from, to);
    const gain = (scheduler: Scheduler): number => scheduler.alpha(to) * (1 - decay(scheduler));
    const shrink = (scheduler: Scheduler, t: number): number => scheduler.beta(to) / scheduler.beta(t);
    const terms: [Coefficient, D][] = [[at(gain), endpoint]];
    if (before !== undefined) {
      const { endpoint: last, from: start } = before;
      const extrapolated = (scheduler: Scheduler): number => {
        const lastDecay = signalRatio(scheduler, start, from);
        const usable = decay(scheduler) > 0 && lastDecay > 0;
        return usable ? (gain(scheduler) * Math.log(decay(scheduler))) / (2 * Math.log(lastDecay)) : 0;
      };
      const factor = at(extrapolated);
      terms.push([factor, endpoint.linearCombination(1, [[-1, last]])]);
    }
    before = { endpoint, from };
    return x.linearCombination(at(shrink), terms);
  };
}

/** exp(-h) = (alpha / beta) / (alpha' / beta'), in [0, 1]; 0 out of t = 0 and into t = 1. */
function signalRatio(scheduler: Scheduler, from: number, to: number): number {
  return ((scheduler.alpha(from) / scheduler.beta(from)) * scheduler.beta(to)) / scheduler.alpha(to);
}

function predicted<D extends DiffusionData<D>>({ x, from, model }: OdeStep<D>, output: D): D {
  const { scheduler, outputType } = model;
  const state = (part: Scheduler, t: number): number => convertOutput(outputType, "endpoint", part, t).state;
  const factor = (part: Scheduler, t: number): number => convertOutput(outputType, "endpoint", part, t).output;
  return x.linearCombination(scheduler.evaluate(state, from), [[scheduler.evaluate(factor, from), output]]);
}
