import {
  type AffineMap,
  convertOutput,
  type DiffusionData,
  isErrorNamed,
  requireKnown,
  type Scheduler,
} from "@diffusiongym/core";
import { ancestralKernel, Transition, type TransitionModel } from "../kernels/index.js";
import { multistep } from "./multistep.js";
import type { OdeStep, OdeStepper } from "./ode-step.js";

/**
 * Names of the solvers of the probability-flow ODE (METHODS 3): `"euler"` and `"heun"` on the velocity, `"rk4"`, `"ddim"`
 * (Euler in the variables x / beta over alpha / beta; the same as Euler for the linear path), and `"dpm++2m"`, the
 * second-order multistep solver on the endpoint (arXiv 2211.01095).
 */
export type OdeSolverName = "euler" | "heun" | "rk4" | "ddim" | "dpm++2m";

/** All solvers. */
export const odeSolverNames = ["euler", "heun", "rk4", "ddim", "dpm++2m"] as const satisfies readonly OdeSolverName[];

/**
 * A stepper for one trajectory.
 * @throws ArgumentError for an unknown name, with the nearest
 */
export function odeStepper<D extends DiffusionData<D>>(name: OdeSolverName): OdeStepper<D> {
  requireKnown("Unknown ODE solver", name, odeSolverNames, "solver");
  switch (name) {
    case "euler":
      return async (step) => moved(step, await velocity(step, step.x, step.from));
    case "heun":
      return heunStep;
    case "rk4":
      return rk4Step;
    case "ddim":
      return async ({ x, from, to, field, model }) =>
        new Transition(ddim, model, from, to).mean(x, await field(x, from));
    case "dpm++2m":
      return multistep();
  }
}

const ddim = ancestralKernel({ varsigma: 0 });

async function heunStep<D extends DiffusionData<D>>(step: OdeStep<D>): Promise<D> {
  const first = await velocity(step, step.x, step.from);
  const euler = moved(step, first);
  // An endpoint model does not say where the last step ends: that one is Euler's.
  if (!hasVelocity(step.model, step.to)) {
    return euler;
  }
  const dt = step.to - step.from;
  const second = await velocity(step, euler, step.to);
  return step.x.linearCombination(1, [
    [dt / 2, first],
    [dt / 2, second],
  ]);
}

async function rk4Step<D extends DiffusionData<D>>(step: OdeStep<D>): Promise<D> {
  const { x, from, to } = step;
  const dt = to - from;
  const ahead = (part: number, slope: D): D => x.linearCombination(1, [[part * dt, slope]]);
  const first = await velocity(step, x, from);
  const second = await velocity(step, ahead(1 / 2, first), from + dt / 2);
  if (!hasVelocity(step.model, to)) {
    return ahead(1, second);
  }
  const third = await velocity(step, ahead(1 / 2, second), from + dt / 2);
  const fourth = await velocity(step, ahead(1, third), to);
  return x.linearCombination(1, [
    [dt / 6, first],
    [dt / 3, second],
    [dt / 3, third],
    [dt / 6, fourth],
  ]);
}

/** x + dt v. */
function moved<D extends DiffusionData<D>>({ x, from, to }: OdeStep<D>, slope: D): D {
  return x.linearCombination(1, [[to - from, slope]]);
}

/** dx/dt at a state. */
async function velocity<D extends DiffusionData<D>>({ field, model }: OdeStep<D>, x: D, t: number): Promise<D> {
  const state = (scheduler: Scheduler, time: number): number => toVelocity(model, scheduler, time).state;
  const output = (scheduler: Scheduler, time: number): number => toVelocity(model, scheduler, time).output;
  const { scheduler } = model;
  return x.linearCombination(scheduler.evaluate(state, t), [[scheduler.evaluate(output, t), await field(x, t)]]);
}

function toVelocity({ outputType }: TransitionModel, scheduler: Scheduler, t: number): AffineMap {
  return convertOutput(outputType, "velocity", scheduler, t);
}

/** False where the model's output does not determine the velocity: most outputs at exactly t = 0 or 1. */
export function hasVelocity(model: TransitionModel, t: number): boolean {
  try {
    model.scheduler.evaluate((scheduler, time) => toVelocity(model, scheduler, time).output, t);
    return true;
  } catch (error) {
    if (isErrorNamed(error, "SingularCoefficientError")) {
      return false;
    }
    throw error;
  }
}
