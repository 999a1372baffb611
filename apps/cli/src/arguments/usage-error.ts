import { DiffusionGymError } from "@diffusiongym/core";

/** The command line says something that cannot be done; nothing was started. Exit code 2. */
export class UsageError extends DiffusionGymError {
  override readonly name = "UsageError";
  constructor(
    message: string,
    /** Command whose help says more, if it is known. */
    readonly command?: string,
  ) {
    super(message);
  }
}

/** Errors that say of a value what the command line could say better; a damaged file, for one, is not among them. */
const aboutValues = [
  "ArgumentError",
  "IncompatibleError",
  "RegistryError",
  "ShapeError",
  "SingularCoefficientError",
  "TimeGridError",
];

/** Runs the part of a command that turns what was typed into objects: what fails there is bad usage. */
export async function whileReading<T>(command: string, read: () => T | Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    if (DiffusionGymError.isInstance(error) && aboutValues.includes(error.name)) {
      throw new UsageError(error.message, command);
    }
    throw error;
  }
}
