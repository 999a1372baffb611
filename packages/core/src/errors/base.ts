const marker = Symbol.for("diffusiongym.error");

/**
 * Base of every error that diffusiongym throws on purpose. The message says what was wrong, with which values, and what
 * to do next; the values are also fields of the subclass.
 *
 * A marker shared through the global symbol registry makes `isInstance` work when two copies of the package are loaded.
 */
export class DiffusionGymError extends Error {
  override readonly name: string = "DiffusionGymError";
  readonly [marker] = true;

  /** True for any diffusiongym error, whichever copy of the package made it. */
  static isInstance(value: unknown): value is DiffusionGymError {
    return typeof value === "object" && value !== null && (value as Record<symbol, unknown>)[marker] === true;
  }

  /** A one-line form for logs: `name: message`. */
  override toString(): string {
    return `${this.name}: ${this.message}`;
  }
}

/**
 * True when `value` is an error of the given class name, whichever copy of the package made it.
 * @param value anything caught
 * @param name the class name, for example `"ShapeError"`
 */
export function isErrorNamed(value: unknown, name: string): value is DiffusionGymError {
  return DiffusionGymError.isInstance(value) && value.name === name;
}
