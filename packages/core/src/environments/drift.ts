import { checkFinite, checkStructure, type DiffusionData } from "../data/index.js";
import type { BaseModel } from "../models/index.js";
import type { ControlPolicy, Policy, PolicyStep } from "../policies/index.js";
import type { StepCoefficients } from "./coefficients.js";

/** The drift of the controlled SDE and what the control costs there. */
export interface Drift<D> {
  /** b + sigma u at (x, t). */
  readonly drift: D;
  /** 1/2 |u|^2, shape [n]. */
  readonly runningCosts: Float32Array;
}

/** Who acts in a step. */
export interface Actors<D extends DiffusionData<D>, C extends object> {
  readonly baseModel: BaseModel<D, C>;
  readonly policy: Policy<D, C> | undefined;
  readonly controlPolicy: ControlPolicy<D, C> | undefined;
}

/** Where and when a drift is wanted. */
export interface DriftRequest<D, C> {
  readonly x: D;
  /** Times, shape [n]. */
  readonly times: Float32Array;
  readonly conditioning: C;
  readonly coefficients: StepCoefficients;
  readonly index: number;
  readonly time: number;
  readonly dt: number | undefined;
}

/** Evaluates model, policy and control at one state, and forms the drift and the running cost from them. */
export async function evaluateDrift<D extends DiffusionData<D>, C extends object>(
  actors: Actors<D, C>,
  request: DriftRequest<D, C>,
): Promise<Drift<D>> {
  const { x, coefficients } = request;
  const { output, baseOutput, control } = await act(actors, request);
  const drift = x.linearCombination(coefficients.driftState(), [
    [coefficients.driftOutput(), output],
    ...(control === undefined ? [] : [[coefficients.driftControl(), control] as const]),
  ]);
  return { drift, runningCosts: await runningCosts(output, baseOutput, control, coefficients) };
}

/** The endpoint E[x1 | x_t] that the adapted output implies. */
export async function predictEndpoint<D extends DiffusionData<D>, C extends object>(
  actors: Actors<D, C>,
  request: DriftRequest<D, C>,
): Promise<D> {
  const { output, control } = await act(actors, request);
  const { coefficients } = request;
  const shifted =
    control === undefined ? output : output.linearCombination(1, [[coefficients.outputControl(), control]]);
  return request.x.linearCombination(coefficients.endpointState(), [[coefficients.endpointOutput(), shifted]]);
}

interface Action<D> {
  /** The policy's output, or the base model's when there is no policy. */
  readonly output: D;
  /** The base model's output, present only when it differs from `output`. */
  readonly baseOutput: D | undefined;
  readonly control: D | undefined;
}

async function act<D extends DiffusionData<D>, C extends object>(
  actors: Actors<D, C>,
  request: DriftRequest<D, C>,
): Promise<Action<D>> {
  const { baseModel, policy, controlPolicy } = actors;
  const { x, times, conditioning, coefficients, index, time, dt } = request;
  let base: Promise<D> | undefined;
  const evaluateBase = async (): Promise<D> => {
    const output = await baseModel.forward(x, times, conditioning);
    return checked(output, x, "The model's output", index);
  };
  const step: PolicyStep<D> = {
    index,
    time,
    dt,
    baseOutput: () => (base ??= evaluateBase()),
    baseDrift: async () =>
      x.linearCombination(coefficients.driftState(), [[coefficients.driftOutput(), await step.baseOutput()]]),
  };
  let output: D;
  let baseOutput: D | undefined;
  if (policy === undefined) {
    output = await step.baseOutput();
  } else {
    output = checked(await policy.forward(x, times, conditioning, step), x, "The policy's output", index);
    baseOutput = await step.baseOutput();
  }
  const control =
    controlPolicy && checked(await controlPolicy.control(x, times, conditioning, step), x, "The control", index);
  return { output, baseOutput, control };
}

/** The batch itself, when it is built like the state and finite. */
function checked<D extends DiffusionData<D>>(batch: D, x: D, source: string, index: number): D {
  checkStructure(batch, x, source);
  checkFinite(batch, source, index);
  return batch;
}

async function runningCosts<D extends DiffusionData<D>>(
  output: D,
  baseOutput: D | undefined,
  control: D | undefined,
  coefficients: StepCoefficients,
): Promise<Float32Array> {
  let effective: D | undefined;
  if (baseOutput !== undefined) {
    effective = output.linearCombination(1, [[-1, baseOutput]]).scale(coefficients.costOutput());
  }
  if (control !== undefined) {
    const factor = coefficients.costControl();
    if (effective !== undefined) {
      effective = effective.linearCombination(1, [[factor, control]]);
    } else {
      effective = factor === 1 ? control : control.scale(factor);
    }
  }
  return effective === undefined ? new Float32Array(output.length) : effective.squaredNorm().map((norm) => norm / 2);
}
