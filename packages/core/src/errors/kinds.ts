import { DiffusionGymError } from "./base.js";

/** Shapes or lengths that do not fit each other. */
export class ShapeError extends DiffusionGymError {
  override readonly name = "ShapeError";
  constructor(
    message: string,
    /** The shape that was needed, where there is one. */
    readonly expected?: readonly number[],
    /** The shape that was given. */
    readonly received?: readonly number[],
  ) {
    super(message);
  }
}

/** An argument outside its allowed values; nothing was computed. */
export class ArgumentError extends DiffusionGymError {
  override readonly name = "ArgumentError";
  constructor(
    message: string,
    /** The argument's name. */
    readonly argument: string,
    /** The value that was refused. */
    readonly value?: unknown,
  ) {
    super(message);
  }
}

/** NaN or infinity where a finite number is needed. */
export class NonFiniteError extends DiffusionGymError {
  override readonly name = "NonFiniteError";
  constructor(
    message: string,
    /** What held the number: `x0`, `rewards`, `model output`, ... */
    readonly source: string,
    /** Sample of the batch, when known. */
    readonly sampleIndex?: number,
    /** Step of the rollout, when known. */
    readonly step?: number,
  ) {
    super(message);
  }
}

/** A coefficient evaluated where it is infinite or undefined, for example kappa of the linear path at t = 0. */
export class SingularCoefficientError extends DiffusionGymError {
  override readonly name = "SingularCoefficientError";
  constructor(
    message: string,
    /** The coefficient: `kappa`, `eta`, ... */
    readonly coefficient: string,
    /** The time at which it was asked for. */
    readonly time: number,
  ) {
    super(message);
  }
}

/** A time grid that cannot be integrated: not increasing, not ending at 1, or with an expansive first step. */
export class TimeGridError extends DiffusionGymError {
  override readonly name = "TimeGridError";
  constructor(
    message: string,
    /** The grid, t_0 ... t_N. */
    readonly times: readonly number[],
  ) {
    super(message);
  }
}

/** An id that is not registered, or registered twice with different makers. */
export class RegistryError extends DiffusionGymError {
  override readonly name = "RegistryError";
  constructor(
    message: string,
    /** The id asked for. */
    readonly id: string,
    /** The nearest registered id, if one is near. */
    readonly suggestion?: string,
  ) {
    super(message);
  }
}

/** Parts that do not belong together: modalities, data types, output types, or a method and its environment. */
export class IncompatibleError extends DiffusionGymError {
  override readonly name = "IncompatibleError";
}

/** The caller's AbortSignal fired. Whatever had been finished is kept by whoever holds it. */
export class AbortError extends DiffusionGymError {
  override readonly name = "AbortError";
  constructor(
    message: string,
    /** The signal's own reason. */
    readonly reason?: unknown,
  ) {
    super(message);
  }
}

/** A file or byte string that is damaged, truncated, or not of the format it claims. */
export class FormatError extends DiffusionGymError {
  override readonly name = "FormatError";
  constructor(
    message: string,
    /** The format: `safetensors`, `onnx`, `checkpoint`, ... */
    readonly format: string,
    /** The file, when there is one. */
    readonly path?: string,
  ) {
    super(message);
  }
}

/** An optional package that is needed now is not installed. */
export class MissingPackageError extends DiffusionGymError {
  override readonly name = "MissingPackageError";
  constructor(
    message: string,
    /** The package to install. */
    readonly packageName: string,
  ) {
    super(message);
  }
}
