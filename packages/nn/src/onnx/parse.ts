import { isErrorNamed } from "@diffusiongym/core";
import type { ConstantTensor, Graph } from "../ir/index.js";
import { decodeModel } from "./decode.js";
import { type ImportOptions, importModel } from "./import-model.js";
import type { TensorMessage } from "./messages.js";
import { placedTensors } from "./placed-tensors.js";
import { damaged, unsupported } from "./problems.js";
import { inlineTensor, type TensorPlace, tensorOfBytes } from "./tensors.js";

/** How the bytes of a file are read. */
export interface ParseOnnxOptions extends ImportOptions {
  /**
   * Files beside the model in which tensors lie ("external data"), by the names that the model gives them.
   * @default none; `openOnnx` finds them by itself
   */
  readonly externalData?: Readonly<Record<string, Uint8Array>>;
}

/**
 * Reads an ONNX model of operator sets 13 to 22. Operators are brought to the one form that the package works with, functions
 * are written out, `Constant` nodes become initializers, 16-bit floats become 32, what follows from constants and known
 * lengths is computed, and every value's type is inferred. A node that this package does not know is kept for the runtime
 * (`opaque`); it has no derivative. Parameters come frozen; `thaw` the graph to train them.
 * @param bytes the file
 * @throws FormatError for bytes that are damaged or not ONNX; IncompatibleError for a file that uses something this package
 *   cannot read; ArgumentError for options that do not fit the file
 */
export function parseOnnx(bytes: Uint8Array, options: ParseOnnxOptions = {}): Graph {
  const { precision = "float32", externalData = {} } = options;
  return guarded(() => {
    const model = decodeModel(bytes);
    const tensors = new Map<TensorMessage, ConstantTensor>();
    for (const { place, messages, what } of placedTensors(model)) {
      const entries = entriesAt(place, what, externalData);
      for (const message of messages) {
        tensors.set(message, tensorOfBytes(message, what, precision, entries));
      }
    }
    return importModel(
      model,
      options,
      (message, what) => tensors.get(message) ?? inlineTensor(message, what, precision),
    );
  });
}

function entriesAt(
  { location = "", offset, length }: TensorPlace,
  what: string,
  files: Readonly<Record<string, Uint8Array>>,
): Uint8Array<ArrayBuffer> {
  const file = Object.hasOwn(files, location) ? files[location]! : undefined;
  if (file === undefined) {
    return unsupported(
      `${what} is stored in another file, "${location}", which was not given; open the model by its path or URL ` +
        "(openOnnx, Network.open), or give the file in externalData",
    );
  }
  if (offset + length > file.length) {
    damaged(
      `${what} is stored in "${location}" at the bytes ${offset} to ${offset + length}, and it has ${file.length}`,
    );
  }
  return Uint8Array.from(file.subarray(offset, offset + length));
}

/** Turns what goes wrong inside into what a file that is not sound gives: a size beyond all bounds, a shape that does not fit. */
export function guarded<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    const isShape = isErrorNamed(error, "ShapeError");
    if (isShape || error instanceof RangeError) {
      return damaged((error as Error).message.replace(/\.$/, ""));
    }
    throw error;
  }
}
