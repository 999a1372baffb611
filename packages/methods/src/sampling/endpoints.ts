import {
  ArgumentError,
  checkFinite,
  collate,
  concatConditioning,
  type DiffusionData,
  joinFloats,
  type ModelInput,
  sliceConditioning,
  throwIfAborted,
} from "@diffusiongym/core";
import type { TransitionModel } from "../kernels/index.js";
import type { TrainablePolicy } from "../policies/index.js";
import { type DrawRequest, drawStart, type Endpoints, judge } from "./draw.js";
import { hasVelocity, type OdeSolverName, odeStepper } from "./ode-solver.js";
import type { OutputField } from "./ode-step.js";

/** Options of `drawEndpoints`. */
export interface EndpointRequest<D extends DiffusionData<D>, C extends object> extends DrawRequest<D, C> {
  /** Whose flow; undefined for the base model's. */
  readonly policy?: Pick<TrainablePolicy<D, C>, "forward"> | undefined;
  /** @default "heun" */
  readonly solver?: OdeSolverName;
  /** Steps, uniform in time. @default 24 */
  readonly steps?: number;
  /**
   * Time at which N(0, I) is placed.
   * @default 0 where the output determines the velocity at 0, else 0.001; METHODS 4.4 says why never later
   */
  readonly startTime?: number;
  /** Samples computed at once; does not change any number. @default n */
  readonly batchSize?: number;
}

/** Samples of the probability-flow ODE of a policy, or of the base model, with their rewards. No reference is evaluated. */
export async function drawEndpoints<D extends DiffusionData<D>, C extends object>(
  request: EndpointRequest<D, C>,
): Promise<Endpoints<D, C>> {
  const { n, indexOffset = 0, conditioning, batchSize = n } = request;
  if (n <= batchSize) {
    return drawBatch(request);
  }
  const parts: Endpoints<D, C>[] = [];
  for (let from = 0; from < n; from += batchSize) {
    const to = Math.min(n, from + batchSize);
    parts.push(
      await drawBatch({
        ...request,
        n: to - from,
        indexOffset: indexOffset + from,
        ...(conditioning && { conditioning: sliceConditioning(conditioning, from, to) }),
      }),
    );
  }
  return joinEndpoints(parts);
}

/** Samples of several draws, in order. */
export function joinEndpoints<D extends DiffusionData<D>, C extends object>(
  parts: readonly Endpoints<D, C>[],
): Endpoints<D, C> {
  return {
    latent: collate(parts.map(({ latent }) => latent)),
    sample: collate(parts.map(({ sample }) => sample)),
    rewards: joinFloats(parts.map(({ rewards }) => rewards)),
    valids: Uint8Array.from(parts.flatMap(({ valids }) => [...valids])),
    conditioning: concatConditioning(
      parts.map(({ conditioning }) => conditioning),
      parts.map(({ latent }) => latent.length),
    ),
  };
}

/** Times of an ODE of `steps` uniform steps, from the earliest time at which the model's velocity is known. */
export function odeTimes(model: TransitionModel, steps: number, startTime?: number): Float64Array {
  if (!Number.isSafeInteger(steps) || steps < 1) {
    throw new ArgumentError(`steps must be a whole number >= 1, got ${steps}.`, "steps", steps);
  }
  const start = startTime ?? (hasVelocity(model, 0) ? 0 : 1e-3);
  if (!(start >= 0 && start < 1)) {
    throw new ArgumentError(`startTime must be in [0, 1), got ${start}.`, "startTime", start);
  }
  // Rounded to 32 bits, which is what the model is told.
  return Float64Array.from({ length: steps + 1 }, (_, k) => Math.fround(start + ((1 - start) * k) / steps));
}

/** How a flow is integrated. */
export interface FlowOptions<D, C> {
  /** The output at any state and time, for the completed conditioning. */
  readonly field: (conditioning: C) => OutputField<D>;
  readonly solver: OdeSolverName;
  readonly steps: number;
  readonly startTime?: number | undefined;
}

/** Carries starting states along a flow to t = 1. */
export async function integrateFlow<D extends DiffusionData<D>, C extends object>(
  request: DrawRequest<D, C>,
  options: FlowOptions<D, C>,
): Promise<ModelInput<D, C>> {
  const { baseModel: model } = request.environment;
  const times = odeTimes(model, options.steps, options.startTime);
  const step = odeStepper<D>(options.solver);
  throwIfAborted(request.signal, "Sampling");
  const start = await drawStart(request);
  const field = options.field(start.conditioning);
  let { x } = start;
  for (let k = 0; k < options.steps; k++) {
    throwIfAborted(request.signal, "Sampling");
    x = await step({ x, from: times[k]!, to: times[k + 1]!, field, model });
    checkFinite(x, "The state after the step", k);
  }
  return { x, conditioning: start.conditioning };
}

async function drawBatch<D extends DiffusionData<D>, C extends object>(
  request: EndpointRequest<D, C>,
): Promise<Endpoints<D, C>> {
  const { environment, policy, n, solver = "heun", steps = 24, startTime } = request;
  const actor = policy ?? environment.baseModel;
  const { x, conditioning } = await integrateFlow(request, {
    solver,
    steps,
    startTime,
    field: (completed) => (state, time) => actor.forward(state, new Float32Array(n).fill(time), completed),
  });
  return judge(environment, x, conditioning);
}
