import { elementCodecs, type SafetensorsArrays, type SafetensorsType } from "./element-types.js";
import { headerLength, parseHeader, problem, requireCovered, type TensorEntry } from "./header.js";

/** One tensor of a safetensors file. */
export type SafetensorsTensor = {
  [T in SafetensorsType]: {
    /** Element type in the file. */
    readonly type: T;
    readonly shape: readonly number[];
    /** Row-major entries; 16-bit floats as a `Float32Array`. */
    readonly data: SafetensorsArrays[T];
    /** The tensor's bytes as they are in the file, for what must not be converted. */
    readonly bytes: Uint8Array;
  };
}[SafetensorsType];

/** The contents of a safetensors file. */
export interface Safetensors {
  /** Tensors by name, in the order of the header. */
  readonly tensors: ReadonlyMap<string, SafetensorsTensor>;
  /** The file's own text fields. */
  readonly metadata: Readonly<Record<string, string>>;
}

/**
 * Reads a safetensors file. Tensors are views of `bytes` where their position allows it and copies otherwise; copy what
 * you want to write into.
 * @param bytes the whole file
 * @throws FormatError in words, when the file is truncated, of another format, has a header larger than 100 MB, repeats a
 *   name, or its tensors do not cover the data exactly
 */
export function readSafetensors(bytes: Uint8Array): Safetensors {
  const length = headerLength(bytes, bytes.byteLength);
  const header = parseHeader(decodeText(bytes.subarray(8, 8 + length)));
  const data = bytes.subarray(8 + length);
  requireCovered(header, data.byteLength);
  return {
    tensors: new Map(header.entries.map((entry) => [entry.name, readTensor(entry, data)])),
    metadata: header.metadata,
  };
}

/** The tensor of an entry. @param data everything behind the header */
export function readTensor({ name, type, shape, start, end }: TensorEntry, data: Uint8Array): SafetensorsTensor {
  const bytes = data.subarray(start, end);
  if (type === "BOOL" && bytes.some((byte) => byte > 1)) {
    throw problem(`tensor ${JSON.stringify(name)} of type BOOL holds bytes other than 0 and 1`);
  }
  const codec = elementCodecs[type];
  const isReadableInPlace = bytes.byteOffset % codec.bytes === 0 && bytes.buffer instanceof ArrayBuffer;
  const aligned = isReadableInPlace ? (bytes as Uint8Array<ArrayBuffer>) : new Uint8Array(bytes);
  return { type, shape, data: codec.decode(aligned), bytes } as SafetensorsTensor;
}

/** The header as text. */
export function decodeText(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw problem("its header is not UTF-8 text; it may be of another format");
  }
}
