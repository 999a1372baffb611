import type { ConstantTensor, ElementArrays, ElementType } from "../ir/index.js";
import { onnxTypeCode } from "../ops/index.js";
import { widenBFloat16, widenFloat16 } from "../safetensors/index.js";
import { type ExternalPlace, externalPlace } from "./external-place.js";
import type { TensorMessage } from "./messages.js";
import { damaged, unsupported } from "./problems.js";
import { WireReader, wireType } from "./wire.js";

/** How 16-bit floats are read: widened to `float32`, or as they are stored. */
export type Precision = "float32" | "as-stored";

const typeByCode = new Map(Object.entries(onnxTypeCode).map(([type, code]) => [code, type as ElementType]));

/** Names of element types that are not read, for messages. */
const unreadTypes: Readonly<Record<number, string>> = {
  0: "UNDEFINED",
  8: "STRING",
  14: "COMPLEX64",
  15: "COMPLEX128",
  17: "FLOAT8E4M3FN",
  18: "FLOAT8E4M3FNUZ",
  19: "FLOAT8E5M2",
  20: "FLOAT8E5M2FNUZ",
  21: "UINT4",
  22: "INT4",
  23: "FLOAT4E2M1",
};

interface ArrayClass<A> {
  readonly BYTES_PER_ELEMENT: number;
  new (buffer: ArrayBuffer, offset: number, length: number): A;
}

/** The array of each element type, and the field that holds its entries when they are not bytes. */
const storage: {
  readonly [T in ElementType]: { readonly array: ArrayClass<ElementArrays[T]>; readonly field: number };
} = {
  float32: { array: Float32Array, field: 4 },
  float64: { array: Float64Array, field: 10 },
  float16: { array: Uint16Array, field: 5 },
  bfloat16: { array: Uint16Array, field: 5 },
  int64: { array: BigInt64Array, field: 7 },
  int32: { array: Int32Array, field: 5 },
  int16: { array: Int16Array, field: 5 },
  int8: { array: Int8Array, field: 5 },
  uint64: { array: BigUint64Array, field: 11 },
  uint32: { array: Uint32Array, field: 11 },
  uint16: { array: Uint16Array, field: 5 },
  uint8: { array: Uint8Array, field: 5 },
  bool: { array: Uint8Array, field: 5 },
};

/** Element type of a number in `TensorProto.DataType`. */
export function elementType(code: number, what: string): ElementType {
  return (
    typeByCode.get(code) ??
    unsupported(
      `${what} has the element type ${unreadTypes[code] ?? code}; supported are ${[...typeByCode.values()].join(", ")}`,
    )
  );
}

/** Element type of a number in `TensorProto.DataType`, `undefined` for one that is not read. */
export function findElementType(code: number): ElementType | undefined {
  return typeByCode.get(code);
}

/** Element type under a precision: 16-bit floats become `float32` unless they stay as stored. */
export function typeUnder(precision: Precision, type: ElementType): ElementType {
  return precision === "float32" && (type === "float16" || type === "bfloat16") ? "float32" : type;
}

/** Where the entries of a tensor lie, when they are not in the message. */
export type TensorPlace = Omit<ExternalPlace, "location"> & {
  /** The other file, `undefined` for the file itself. */
  readonly location: string | undefined;
};

/** Element type, shape and number of bytes of a tensor, checked against each other; nothing is allocated. */
export function tensorHead(
  message: TensorMessage,
  what: string,
): {
  readonly type: ElementType;
  readonly shape: readonly number[];
  readonly size: number;
  readonly byteLength: number;
} {
  if (message.segment !== undefined) {
    unsupported(`${what} is stored in segments`);
  }
  const type = elementType(message.dataType, what);
  const shape = message.dims;
  if (shape.length > 64) {
    damaged(`${what} has ${shape.length} axes`);
  }
  const wrong = shape.find((length) => length < 0 || length >= Number.MAX_SAFE_INTEGER);
  if (wrong !== undefined) {
    damaged(`${what} has an axis of length ${wrong}`);
  }
  const size = shape.reduce((product, axis) => product * axis, 1);
  return { type, shape, size, byteLength: size * storage[type].array.BYTES_PER_ELEMENT };
}

/** Where the entries of a tensor lie, or `undefined` when the message holds them. */
export function tensorPlace(message: TensorMessage, what: string): TensorPlace | undefined {
  const isExternal = message.dataLocation === 1 || message.externalData.length > 0;
  if (message.stored === undefined && !isExternal) {
    return undefined;
  }
  const { shape, byteLength } = tensorHead(message, what);
  const place: TensorPlace = message.stored
    ? { location: undefined, ...message.stored }
    : externalPlace(message.externalData, byteLength, what);
  if (place.length !== byteLength) {
    damaged(`${what} of shape [${shape.join(", ")}] needs ${byteLength} bytes and has ${place.length}`);
  }
  return place;
}

/** A tensor whose entries are in its message, copied. */
export function inlineTensor(message: TensorMessage, what: string, precision: Precision): ConstantTensor {
  const { type, shape, size, byteLength } = tensorHead(message, what);
  const { rawData } = message;
  if (rawData !== undefined && (rawData.length > 0 || size === 0)) {
    if (rawData.length !== byteLength) {
      damaged(`${what} of shape [${shape.join(", ")}] needs ${byteLength} bytes and has ${rawData.length}`);
    }
    return tensorOfBytes(message, what, precision, Uint8Array.from(rawData));
  }
  // No entry takes less than a byte, so that nothing larger than the message is allocated for a tensor that lies.
  const entries = size > message.bytes.length ? size : countEntries(message, storage[type].field);
  if (entries !== size || size > message.bytes.length) {
    damaged(
      `${what} of shape [${shape.join(", ")}] needs ${size} entries and has ${Math.min(entries, message.bytes.length)}`,
    );
  }
  const bytes = new Uint8Array(byteLength);
  readEntries(message, type, arrayOver(type, bytes, size));
  return tensorOfBytes(message, what, precision, bytes);
}

/** A tensor over its bytes, which are held unless they have to be converted. */
export function tensorOfBytes(
  message: TensorMessage,
  what: string,
  precision: Precision,
  bytes: Uint8Array<ArrayBuffer>,
): ConstantTensor {
  const { type, shape, size } = tensorHead(message, what);
  const data = arrayOver(type, bytes, size);
  if (precision === "float32" && type === "float16") {
    return { type: "float32", shape, data: widenFloat16(data as Uint16Array) };
  }
  if (precision === "float32" && type === "bfloat16") {
    return { type: "float32", shape, data: widenBFloat16(data as Uint16Array) };
  }
  return { type, shape, data } as ConstantTensor;
}

function arrayOver<T extends ElementType>(type: T, bytes: Uint8Array<ArrayBuffer>, size: number): ElementArrays[T] {
  return new storage[type].array(bytes.buffer, bytes.byteOffset, size);
}

/** Goes through the typed entries of a tensor, which may come in one piece or many; `visit` reads or skips one. */
function forEachEntry(message: TensorMessage, field: number, visit: (reader: WireReader) => void): void {
  const reader = new WireReader(message.bytes);
  while (reader.more) {
    const tag = reader.tag();
    if (tag.field !== field) {
      reader.skip(tag.wire);
    } else if (tag.wire === wireType.bytes) {
      for (const piece = reader.nested(); piece.more; ) {
        visit(piece);
      }
    } else {
      visit(reader);
    }
  }
}

function countEntries(message: TensorMessage, field: number): number {
  const wire = field === 4 ? wireType.fixed32 : field === 10 ? wireType.fixed64 : wireType.varint;
  let count = 0;
  forEachEntry(message, field, (reader) => {
    reader.skip(wire);
    count += 1;
  });
  return count;
}

function readEntries(message: TensorMessage, type: ElementType, out: ElementArrays[ElementType]): void {
  const { field } = storage[type];
  let next = 0;
  forEachEntry(message, field, (reader) => {
    if (out instanceof BigInt64Array || out instanceof BigUint64Array) {
      out[next++] = reader.wide();
    } else {
      out[next++] = field === 4 ? reader.float() : field === 10 ? reader.double() : reader.bits();
    }
  });
}
