import { ArgumentError, IncompatibleError, nearestName } from "@diffusiongym/core";
import type { ConstantTensor, TensorType, ValueInfo } from "../ir/index.js";
import type { PartialValue } from "./application.js";
import { partialOfConstant } from "./partial-values.js";

/** What is known of every value of a graph before it runs: types, constants, entries of small integer tensors. */
export class ValueTable {
  /** Name of the graph, for messages. */
  readonly graphName: string;
  /** The constants. */
  readonly initializers = new Map<string, ConstantTensor>();
  readonly #types = new Map<string, TensorType>();
  readonly #partial = new Map<string, PartialValue>();
  /** Values whose type is not known, because an opaque node makes them, and why. */
  readonly #untyped = new Map<string, string>();

  constructor(graphName: string) {
    this.graphName = graphName;
  }

  /** A value that is fed or computed; what else the type has, such as the name of the value that it was taken from, is left out. */
  declare(name: string, { type, shape }: TensorType, partial?: PartialValue): void {
    this.#types.set(name, { type, shape });
    if (partial) {
      this.#partial.set(name, partial);
    }
  }

  /** A value of which only the runtime knows the type. */
  declareUntyped(name: string, why: string): void {
    this.#untyped.set(name, why);
  }

  /** A constant. */
  keep(name: string, tensor: ConstantTensor): void {
    this.initializers.set(name, tensor);
    this.declare(name, tensor, partialOfConstant(tensor));
  }

  /**
   * Any value by name.
   * @throws ArgumentError when there is none, with the nearest name; IncompatibleError when its type is not known
   */
  value(name: string): ValueInfo {
    const type = this.#types.get(name);
    const untyped = this.#untyped.get(name);
    if (untyped !== undefined) {
      throw new IncompatibleError(
        `The type of "${name}" is not known: ${untyped}. The network runs; nothing can be derived or built from this value.`,
      );
    }
    if (!type) {
      const nearest = nearestName(name, this.#types.keys());
      throw new ArgumentError(
        `The graph "${this.graphName}" has no value "${name}"${nearest === undefined ? "" : `; did you mean "${nearest}"?`}.`,
        "name",
        name,
      );
    }
    return { name, type: type.type, shape: type.shape };
  }

  /** Its type, if it is known. */
  typeOf(name: string): TensorType | undefined {
    return this.#types.get(name);
  }

  /** True when a value of this name exists. */
  has(name: string): boolean {
    return this.#types.has(name) || this.#untyped.has(name);
  }

  /** Names of all values whose type is known. */
  names(): Iterable<string> {
    return this.#types.keys();
  }

  /** Types of all values, by name. */
  types(): Iterable<[string, TensorType]> {
    return this.#types;
  }

  /** What is known of a small integer value's entries. */
  partialOf(name: string): PartialValue | undefined {
    return this.#partial.get(name);
  }
}
