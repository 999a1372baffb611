import { DiffusionGymError, type Tensor } from "@diffusiongym/core";

/** ONNX Runtime refused a graph or failed while running it. */
export class ExecutionError extends DiffusionGymError {
  override readonly name = "ExecutionError";
  constructor(
    message: string,
    /** Name of the graph. */
    readonly graphName: string,
    /** Shapes of the inputs given to the run, by name; none while compiling. */
    readonly inputShapes: Readonly<Record<string, readonly number[]>>,
    /** What the runtime threw. */
    override readonly cause: unknown,
  ) {
    super(message);
  }
}

/** The error for a run that the runtime failed in. */
export function executionError(
  graphName: string,
  inputs: Readonly<Record<string, Tensor>>,
  cause: unknown,
): ExecutionError {
  const shapes = Object.fromEntries(Object.entries(inputs).map(([name, { shape }]) => [name, shape]));
  const listed = Object.entries(shapes).map(([name, shape]) => `${name} [${shape.join(", ")}]`);
  const on = listed.length === 0 ? "" : ` on the inputs ${listed.join(", ")}`;
  return new ExecutionError(`Graph "${graphName}" failed${on}: ${messageOf(cause)}`, graphName, shapes, cause);
}

/** The message of anything thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
