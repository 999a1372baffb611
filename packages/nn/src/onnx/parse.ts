import { isErrorNamed } from "@diffusiongym/core";
import type { Graph } from "../ir/index.js";
import { decodeModel } from "./decode.js";
import { type ImportOptions, importModel } from "./import-model.js";
import { damaged, unsupported } from "./problems.js";
import { inlineTensor, tensorOfBytes, tensorPlace } from "./tensors.js";

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
  return guarded(() =>
    importModel(decodeModel(bytes), options, (message, what) => {
      const place = tensorPlace(message, what);
      if (!place) {
        return inlineTensor(message, what, precision);
      }
      const file = place.location === undefined ? bytes : externalData[place.location];
      if (file === undefined) {
        return unsupported(
          `${what} is stored in another file, "${place.location}", which was not given; open the model by its path or URL, ` +
            "or give the file in externalData",
        );
      }
      if (place.offset + place.length > file.length) {
        damaged(
          `${what} is stored in "${place.location}" at the bytes ${place.offset} to ${place.offset + place.length}, and the file has ${file.length}`,
        );
      }
      return tensorOfBytes(message, what, precision, file.slice(place.offset, place.offset + place.length));
    }),
  );
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
