import { ArgumentError, ShapeError } from "@diffusiongym/core";
import {
  type ElementCodec,
  elementCodecs,
  elementTypeOf,
  type SafetensorsArrays,
  type SafetensorsType,
} from "./element-types.js";
import { metadataKey } from "./header.js";

/** A tensor to be written. */
export interface WritableTensor {
  /** Row-major entries. */
  readonly data: SafetensorsArrays[SafetensorsType];
  readonly shape: readonly number[];
  /**
   * Element type in the file: the array's own, `BOOL` for a `Uint8Array` of 0 and 1, or `F16` and `BF16`, to which a
   * `Float32Array` is rounded (nearest, ties to even).
   * @default the array's own type
   */
  readonly type?: SafetensorsType;
}

/**
 * A safetensors file. The same tensors and metadata give the same bytes in whatever order they come: larger element
 * types first, then by name, so that every tensor is aligned.
 * @param tensors by name
 * @param metadata text fields of your own
 * @throws ShapeError when an array is not as long as its shape says; ArgumentError for an element type that the array
 *   cannot be stored as, or the reserved name `__metadata__`
 */
export function writeSafetensors(
  tensors: Iterable<readonly [string, WritableTensor]>,
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array<ArrayBuffer> {
  const encoded = [...tensors].map(([name, tensor]) => encodeTensor(name, tensor));
  encoded.sort((a, b) => b.elementBytes - a.elementBytes || compareText(a.name, b.name));
  const fields: [string, unknown][] = [];
  if (Object.keys(metadata).length > 0) {
    fields.push([metadataKey, Object.fromEntries(Object.entries(metadata).sort(([a], [b]) => compareText(a, b)))]);
  }
  let offset = 0;
  for (const { name, type, shape, bytes } of encoded) {
    fields.push([name, { dtype: type, shape, data_offsets: [offset, offset + bytes.byteLength] }]);
    offset += bytes.byteLength;
  }
  requireDistinct(encoded.map(({ name }) => name));
  const text = new TextEncoder().encode(stringify(fields));
  const headerLength = Math.ceil(text.byteLength / 8) * 8;
  const file = new Uint8Array(8 + headerLength + offset);
  new DataView(file.buffer).setBigUint64(0, BigInt(headerLength), true);
  file.fill(0x20, 8, 8 + headerLength);
  file.set(text, 8);
  let position = 8 + headerLength;
  for (const { bytes } of encoded) {
    file.set(bytes, position);
    position += bytes.byteLength;
  }
  return file;
}

interface EncodedTensor {
  readonly name: string;
  readonly type: SafetensorsType;
  readonly shape: readonly number[];
  readonly bytes: Uint8Array;
  readonly elementBytes: number;
}

function encodeTensor(name: string, { data, shape, type = elementTypeOf(data) }: WritableTensor): EncodedTensor {
  const stored = elementTypeOf(data);
  const isNarrowed = stored === "F32" && (type === "F16" || type === "BF16");
  const isTruth = stored === "U8" && type === "BOOL";
  if (type !== stored && !isNarrowed && !isTruth) {
    throw new ArgumentError(
      `writeSafetensors: "${name}" is held as ${stored} and cannot be stored as ${type}.`,
      "type",
      type,
    );
  }
  if (isTruth && (data as Uint8Array).some((byte) => byte > 1)) {
    throw new ArgumentError(`writeSafetensors: "${name}" of type BOOL holds bytes other than 0 and 1.`, "data", data);
  }
  const size = shape.reduce((product, axis) => product * axis, 1);
  if (size !== data.length) {
    throw new ShapeError(
      `writeSafetensors: "${name}" of shape [${shape.join(", ")}] needs ${size} entries and has ${data.length}.`,
      shape,
      [data.length],
    );
  }
  if (name === metadataKey) {
    throw new ArgumentError(
      `writeSafetensors: a tensor cannot be called ${metadataKey}; the format reserves it.`,
      "name",
      name,
    );
  }
  const codec = elementCodecs[type] as ElementCodec<typeof data>;
  return { name, type, shape, bytes: codec.encode(data), elementBytes: codec.bytes };
}

function requireDistinct(names: readonly string[]): void {
  const seen = new Set<string>();
  for (const name of names) {
    if (seen.has(name)) {
      throw new ArgumentError(`writeSafetensors: two tensors are called "${name}".`, "tensors", name);
    }
    seen.add(name);
  }
}

/** Written field by field, because an object would put names that look like whole numbers first. */
function stringify(fields: readonly (readonly [string, unknown])[]): string {
  return `{${fields.map(([key, value]) => `${JSON.stringify(key)}:${JSON.stringify(value)}`).join(",")}}`;
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
