import { ArgumentError, type DDTensor, type DiffusionData, type NoConditioning } from "@diffusiongym/core";
import type { OdeSolverName } from "../sampling/index.js";
import {
  defaultTimeRange,
  type PolicyMethodDefaults,
  type PolicyMethodOptions,
  requireCount,
} from "../training/index.js";

/** Options of every method that draws endpoints, noises them afresh and regresses the policy's output there. */
export interface EndpointOptions<D extends DiffusionData<D> = DDTensor, C extends object = NoConditioning>
  extends PolicyMethodOptions<D, C> {
  /** Fresh noisings of each endpoint in an update. @default 4 */
  readonly noisings?: number;
  /** Times between which endpoints are noised. @default [0.001, 0.999] */
  readonly timeRange?: readonly [number, number];
  /** Solver of the flow that draws endpoints. @default "heun" */
  readonly solver?: OdeSolverName;
  /** Steps of that solver. @default the method's */
  readonly solverSteps?: number;
}

/** What a method uses where its user says nothing. */
export interface EndpointDefaults extends PolicyMethodDefaults {
  readonly solverSteps: number;
}

/** Options with nothing left out. */
export interface ResolvedEndpointOptions {
  readonly noisings: number;
  readonly timeRange: readonly [number, number];
  readonly solver: OdeSolverName;
  readonly solverSteps: number;
}

/**
 * Fills in defaults and checks ranges.
 * @throws ArgumentError naming the option
 */
export function resolveEndpointOptions<D extends DiffusionData<D>, C extends object>(
  options: EndpointOptions<D, C>,
  defaults: EndpointDefaults,
): ResolvedEndpointOptions {
  const { noisings = 4, timeRange = defaultTimeRange, solver = "heun", solverSteps = defaults.solverSteps } = options;
  requireCount("noisings", noisings);
  requireCount("solverSteps", solverSteps);
  const [low, high] = timeRange;
  if (!(low >= 0 && low < high && high <= 1)) {
    throw new ArgumentError(
      `timeRange must be two times 0 <= low < high <= 1, got [${timeRange.join(", ")}].`,
      "timeRange",
      timeRange,
    );
  }
  return { noisings, timeRange, solver, solverSteps };
}
