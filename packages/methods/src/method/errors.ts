import { DiffusionGymError } from "@diffusiongym/core";

/** A method was given an environment, model or reward that lacks something it needs. Nothing was computed. */
export class RequirementError extends DiffusionGymError {
  override readonly name = "RequirementError";
  constructor(
    message: string,
    /** The method that refuses. */
    readonly method: string,
    /** What is missing, in a word: `memoryless noise`, `differentiable reward`. */
    readonly requirement: string,
  ) {
    super(message);
  }
}

/** Training was stopped by one of the abort rules. The last checkpoint is untouched. */
export class TrainingAbortedError extends DiffusionGymError {
  override readonly name = "TrainingAbortedError";
  constructor(
    message: string,
    /** Name of the rule. */
    readonly rule: string,
    /** Iteration in which it struck. */
    readonly iteration: number,
  ) {
    super(message);
  }
}

/** A checkpoint that cannot be taken up: damaged, of another format, or of another run. */
export class CheckpointError extends DiffusionGymError {
  override readonly name = "CheckpointError";
  constructor(
    message: string,
    /** Where it was read from. */
    readonly path: string,
  ) {
    super(message);
  }
}

/** A file could not be written. What was there before is still there. */
export class StorageError extends DiffusionGymError {
  override readonly name = "StorageError";
  constructor(
    message: string,
    /** The file. */
    readonly path: string,
    /** The system's code, for example `ENOSPC`. */
    readonly code: string | undefined,
  ) {
    super(message);
  }
}
