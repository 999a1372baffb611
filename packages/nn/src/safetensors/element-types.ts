import { narrowBFloat16, narrowFloat16, widenBFloat16, widenFloat16 } from "./half-precision.js";

/** Arrays that the entries of each element type are read into; 16-bit floats are widened. */
export interface SafetensorsArrays {
  F64: Float64Array;
  F32: Float32Array;
  F16: Float32Array;
  BF16: Float32Array;
  I64: BigInt64Array;
  I32: Int32Array;
  I16: Int16Array;
  I8: Int8Array;
  U64: BigUint64Array;
  U32: Uint32Array;
  U16: Uint16Array;
  U8: Uint8Array;
  BOOL: Uint8Array;
}

/** Element types of a safetensors file. */
export type SafetensorsType = keyof SafetensorsArrays;

/** How one element type is stored. */
export interface ElementCodec<A> {
  /** Bytes an entry takes in the file. */
  readonly bytes: number;
  /** Entries from bytes that start at a multiple of `bytes`; a view where no conversion is needed. */
  decode(raw: Uint8Array<ArrayBuffer>): A;
  /** The bytes of entries; a view where no conversion is needed. */
  encode(data: A): Uint8Array;
}

/** Every element type that is read and written. */
export const elementCodecs: { readonly [T in SafetensorsType]: ElementCodec<SafetensorsArrays[T]> } = {
  F64: plain(Float64Array),
  F32: plain(Float32Array),
  F16: { bytes: 2, decode: (raw) => widenFloat16(words(raw)), encode: (data) => bytesOf(narrowFloat16(data)) },
  BF16: { bytes: 2, decode: (raw) => widenBFloat16(words(raw)), encode: (data) => bytesOf(narrowBFloat16(data)) },
  I64: plain(BigInt64Array),
  I32: plain(Int32Array),
  I16: plain(Int16Array),
  I8: plain(Int8Array),
  U64: plain(BigUint64Array),
  U32: plain(Uint32Array),
  U16: plain(Uint16Array),
  U8: plain(Uint8Array),
  BOOL: plain(Uint8Array),
};

/** True for the name of an element type that is read and written. */
export function isSafetensorsType(name: unknown): name is SafetensorsType {
  return typeof name === "string" && Object.hasOwn(elementCodecs, name);
}

/** The element type that stores an array as it is. A `Uint8Array` is `U8`; say `BOOL` where truth values are meant. */
export function elementTypeOf(data: SafetensorsArrays[SafetensorsType]): SafetensorsType {
  const names: Record<string, SafetensorsType> = {
    Float64Array: "F64",
    Float32Array: "F32",
    BigInt64Array: "I64",
    Int32Array: "I32",
    Int16Array: "I16",
    Int8Array: "I8",
    BigUint64Array: "U64",
    Uint32Array: "U32",
    Uint16Array: "U16",
  };
  return names[data[Symbol.toStringTag]] ?? "U8";
}

interface TypedArrayClass<A> {
  readonly BYTES_PER_ELEMENT: number;
  new (buffer: ArrayBuffer, byteOffset: number, length: number): A;
}

function plain<A extends ArrayBufferView>(arrayClass: TypedArrayClass<A>): ElementCodec<A> {
  const bytes = arrayClass.BYTES_PER_ELEMENT;
  return {
    bytes,
    decode: (raw) => new arrayClass(raw.buffer, raw.byteOffset, raw.byteLength / bytes),
    encode: bytesOf,
  };
}

function words(raw: Uint8Array<ArrayBuffer>): Uint16Array {
  return new Uint16Array(raw.buffer, raw.byteOffset, raw.byteLength / 2);
}

function bytesOf(view: ArrayBufferView): Uint8Array {
  return new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
}
