import { FormatError, IncompatibleError } from "@diffusiongym/core";

/** Throws the error for a file that is damaged or not what it claims to be. */
export function damaged(problem: string): never {
  throw new FormatError(
    `This is not a sound ONNX file: ${problem}. Export it again, or check that it was copied whole.`,
    "onnx",
  );
}

/** Throws the error for a sound file that uses something this package does not have. */
export function unsupported(problem: string): never {
  throw new IncompatibleError(`This ONNX file cannot be used: ${problem}.`);
}
