import { DiffusionGymError } from "@diffusiongym/core";

/** ONNX Runtime refused a graph or failed while running it. */
export class ExecutionError extends DiffusionGymError {
  override readonly name = "ExecutionError";
  constructor(
    message: string,
    /** Name of the graph. */
    readonly graphName: string,
    /** Shapes of the inputs of the run, by name; none while compiling. */
    readonly inputShapes: Readonly<Record<string, readonly number[]>>,
    /** What the runtime threw. */
    override readonly cause: unknown,
  ) {
    super(message);
  }
}

/** Words about the inputs of a run: `x [512, 2], t [512]`. */
export function describeShapes(shapes: Readonly<Record<string, readonly number[]>>): string {
  return Object.entries(shapes)
    .map(([name, shape]) => `${name} [${shape.join(", ")}]`)
    .join(", ");
}

/** The message of anything thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
