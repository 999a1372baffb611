import { ArgumentError, nearestName, sizeOf, Tensor } from "@diffusiongym/core";
import type { SafetensorsTensor } from "../safetensors/index.js";
import { readSafetensors, writeSafetensors } from "../safetensors/index.js";
import { requireSameLayout } from "./layout.js";

/** Name and shape of one parameter. */
export interface ParameterShape {
  /** PyTorch state-dict name, for example `head.weight`. */
  readonly name: string;
  readonly shape: readonly number[];
}

/**
 * The trainable arrays of a network, by name and in order. All of them lie one behind the other in a single float32 array,
 * `data`, and each name is a view of its part: an optimizer is one loop, a copy is one copy, and a runtime that was given
 * the views once sees every update. The same class holds gradients.
 */
export class Parameters implements Iterable<readonly [string, Tensor<Float32Array>]> {
  /** All entries, parameter after parameter. Writing here writes the parameters. */
  readonly data: Float32Array<ArrayBuffer>;
  /** The names, in order. */
  readonly names: readonly string[];
  readonly #tensors: ReadonlyMap<string, Tensor<Float32Array>>;

  /**
   * Parameters that are all zero.
   * @param shapes names and shapes, in order
   * @throws ArgumentError when a name is empty or comes twice; ShapeError for an impossible shape
   */
  constructor(shapes: Iterable<ParameterShape>) {
    const list = [...shapes];
    this.names = list.map(({ name }) => name);
    this.data = new Float32Array(list.reduce((size, { shape }) => size + sizeOf(shape), 0));
    const tensors = new Map<string, Tensor<Float32Array>>();
    let offset = 0;
    for (const { name, shape } of list) {
      if (name === "" || tensors.has(name)) {
        throw new ArgumentError(
          `Parameters: ${name === "" ? "a name is empty" : `"${name}" comes twice`}.`,
          "shapes",
          name,
        );
      }
      const size = sizeOf(shape);
      tensors.set(name, new Tensor(this.data.subarray(offset, offset + size), [...shape]));
      offset += size;
    }
    this.#tensors = tensors;
  }

  /**
   * Parameters with the values of named tensors, copied.
   * @param tensors float32 tensors by name, in the order the parameters are to have
   */
  static from(tensors: Iterable<readonly [string, Tensor<Float32Array>]>): Parameters {
    const list = [...tensors];
    const parameters = new Parameters(list.map(([name, { shape }]) => ({ name, shape })));
    for (const [name, tensor] of list) {
      parameters.get(name).data.set(tensor.data);
    }
    return parameters;
  }

  /**
   * The floating-point tensors of a safetensors file, in the file's order, widened to float32.
   * @throws FormatError for a damaged file; ArgumentError when a tensor is not of floats
   */
  static fromSafetensors(bytes: Uint8Array): Parameters {
    return Parameters.from(floatTensors(bytes));
  }

  /** Number of named arrays. */
  get length(): number {
    return this.names.length;
  }

  /** Number of entries of all arrays together. */
  get size(): number {
    return this.data.length;
  }

  has(name: string): boolean {
    return this.#tensors.has(name);
  }

  /**
   * One parameter, as a view: writing into it writes the parameter.
   * @throws ArgumentError for a name that does not exist, with the nearest that does
   */
  get(name: string): Tensor<Float32Array> {
    const tensor = this.#tensors.get(name);
    if (tensor === undefined) {
      const nearest = nearestName(name, this.names);
      throw new ArgumentError(
        `There is no parameter "${name}"${nearest === undefined ? "" : `; did you mean "${nearest}"?`}`,
        "name",
        name,
      );
    }
    return tensor;
  }

  [Symbol.iterator](): Iterator<readonly [string, Tensor<Float32Array>]> {
    return this.#tensors.entries();
  }

  /** Names and shapes, in order. */
  shapes(): ParameterShape[] {
    return Array.from(this, ([name, { shape }]) => ({ name, shape }));
  }

  /** The arrays by name, as views. */
  arrays(): Map<string, Float32Array> {
    return new Map(Array.from(this, ([name, { data }]) => [name, data]));
  }

  /** A copy with an array of its own. */
  clone(): Parameters {
    const copy = this.zerosLike();
    copy.data.set(this.data);
    return copy;
  }

  /** Zeros with the same names and shapes, for gradients and averages. */
  zerosLike(): Parameters {
    return new Parameters(this.shapes());
  }

  /**
   * Takes over the values of others, in place.
   * @throws IncompatibleError or ShapeError when names, order or shapes differ
   */
  copyFrom(other: Parameters): void {
    requireSameLayout("Parameters.copyFrom", this, other);
    this.data.set(other.data);
  }

  /** A copy of every array by name, for checkpoints; `restore` takes it back. */
  state(): Map<string, Float32Array> {
    return new Map(Array.from(this, ([name, { data }]) => [name, data.slice()]));
  }

  /**
   * Sets every parameter from what `state` gave.
   * @throws IncompatibleError when names are missing or left over; ShapeError for a wrong length. Nothing is changed then.
   */
  restore(state: ReadonlyMap<string, Float32Array>): void {
    this.assign(
      "Parameters.restore",
      Array.from(state, ([name, data]) => {
        const shape = this.#tensors.get(name)?.shape;
        return [name, { data, shape: shape !== undefined && sizeOf(shape) === data.length ? shape : [data.length] }];
      }),
    );
  }

  /**
   * The parameters as a safetensors file; the same values give the same bytes.
   * @param metadata text fields of your own
   */
  toSafetensors(metadata: Readonly<Record<string, string>> = {}): Uint8Array<ArrayBuffer> {
    return writeSafetensors(
      Array.from(this, ([name, { data, shape }]) => [name, { data, shape }] as const),
      metadata,
    );
  }

  /**
   * Sets every parameter from a safetensors file, in whatever order it has them; 16-bit floats are widened.
   * @throws FormatError for a damaged file, IncompatibleError when names are missing or left over, ShapeError for another
   *   shape. Nothing is changed then.
   */
  loadSafetensors(bytes: Uint8Array): void {
    this.assign("Parameters.loadSafetensors", floatTensors(bytes));
  }

  private assign(
    caller: string,
    values: readonly (readonly [string, { readonly data: Float32Array; readonly shape: readonly number[] }])[],
  ): void {
    requireSameLayout(caller, this, values, { anyOrder: true });
    for (const [name, { data }] of values) {
      this.get(name).data.set(data);
    }
  }
}

function floatTensors(bytes: Uint8Array): (readonly [string, Tensor<Float32Array>])[] {
  return Array.from(readSafetensors(bytes).tensors, ([name, tensor]) => [name, toFloatTensor(name, tensor)] as const);
}

function toFloatTensor(name: string, { type, data, shape }: SafetensorsTensor): Tensor<Float32Array> {
  if (data instanceof Float32Array) {
    return new Tensor(data, shape);
  }
  throw new ArgumentError(
    `"${name}" is stored as ${type}; parameters are F32, F16 or BF16. Read the file with readSafetensors and pick what you need.`,
    "bytes",
    type,
  );
}
