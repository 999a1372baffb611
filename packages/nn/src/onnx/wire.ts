import { damaged } from "./problems.js";

/** How a field is stored, from the lowest three bits of its tag. */
export const wireType = { varint: 0, fixed64: 1, bytes: 2, fixed32: 5 } as const;

/** 2^53 - 1 in two halves: integers beyond it mean "as far as it goes" and are clamped. */
const largest = Number.MAX_SAFE_INTEGER;

/**
 * Reads protocol-buffer fields, the form in which ONNX files are stored. Nothing is copied and nothing read beyond the end;
 * what does not hold together throws a FormatError.
 */
export class WireReader {
  position: number;
  readonly end: number;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #low = 0;
  #high = 0;

  constructor(bytes: Uint8Array, start = 0, end = bytes.length) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.position = start;
    this.end = end;
  }

  /** True when there is another field. */
  get more(): boolean {
    return this.position < this.end;
  }

  /** Number of the next field and how it is stored. */
  tag(): { readonly field: number; readonly wire: number } {
    const tag = this.unsigned();
    const field = Math.floor(tag / 8);
    return field < 1 || tag > 0xffffffff ? damaged(`it has the field tag ${tag}`) : { field, wire: tag % 8 };
  }

  /** A length or count: whole and not negative. */
  unsigned(): number {
    this.#varint();
    return this.#high * 2 ** 32 + this.#low;
  }

  /** A signed integer, clamped to those that a number holds exactly. */
  integer(): number {
    this.#varint();
    return Math.max(-largest, Math.min(largest, (this.#high | 0) * 2 ** 32 + this.#low));
  }

  /** The lowest 32 bits of an integer. */
  bits(): number {
    this.#varint();
    return this.#low;
  }

  /** The 64 bits of an integer, unsigned. */
  wide(): bigint {
    this.#varint();
    return (BigInt(this.#high) << 32n) | BigInt(this.#low);
  }

  float(): number {
    this.#require(4);
    const value = this.#view.getFloat32(this.position, true);
    this.position += 4;
    return value;
  }

  double(): number {
    this.#require(8);
    const value = this.#view.getFloat64(this.position, true);
    this.position += 8;
    return value;
  }

  /** A reader of the bytes of the field that comes next, behind which this one then is. */
  nested(): WireReader {
    const { start, end } = this.range();
    return new WireReader(this.#bytes, start, end);
  }

  /** The bytes of the field that comes next, as a view. */
  bytes(): Uint8Array {
    const { start, end } = this.range();
    return this.#bytes.subarray(start, end);
  }

  /** Where the bytes of the field that comes next lie. */
  range(): { readonly start: number; readonly end: number } {
    const length = this.unsigned();
    this.#require(length);
    const start = this.position;
    this.position += length;
    return { start, end: this.position };
  }

  /** Passes over a field that is not needed. */
  skip(wire: number): void {
    switch (wire) {
      case wireType.varint:
        this.#varint();
        return;
      case wireType.bytes:
        this.range();
        return;
      case wireType.fixed32:
      case wireType.fixed64: {
        const length = wire === wireType.fixed32 ? 4 : 8;
        this.#require(length);
        this.position += length;
        return;
      }
      default:
        damaged(`it has a field of the wire type ${wire}`);
    }
  }

  /** Everything that is left, as a view. */
  rest(): Uint8Array {
    return this.#bytes.subarray(this.position, this.end);
  }

  #require(length: number): void {
    if (length > this.end - this.position) {
      damaged(`a field of ${length} bytes goes beyond its end; the file may be truncated`);
    }
  }

  #varint(): void {
    let low = 0;
    let high = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      this.#require(1);
      const byte = this.#bytes[this.position++]!;
      const part = byte & 0x7f;
      if (shift < 28) {
        low |= part << shift;
      } else if (shift === 28) {
        low |= part << 28;
        high |= part >>> 4;
      } else {
        high |= part << (shift - 32);
      }
      if (byte < 0x80) {
        this.#low = low >>> 0;
        this.#high = high >>> 0;
        return;
      }
    }
    damaged("it has an integer of more than ten bytes");
  }
}

/** Writes protocol-buffer fields, in the order in which they are given. */
export class WireWriter {
  readonly #parts: Uint8Array[] = [];
  #small: number[] = [];
  #length = 0;

  /** Bytes written so far. */
  get length(): number {
    return this.#length + this.#small.length;
  }

  integer(field: number, value: number | bigint): void {
    this.#varint(field * 8 + wireType.varint);
    const wide = typeof value === "bigint" || value < 0 || value > 0xffffffff;
    this.#varint(wide ? BigInt.asUintN(64, BigInt(value)) : value);
  }

  float(field: number, value: number): void {
    this.#varint(field * 8 + wireType.fixed32);
    this.#put(new Uint8Array(Float32Array.of(value).buffer));
  }

  text(field: number, value: string): void {
    this.bytes(field, new TextEncoder().encode(value));
  }

  /** A field of bytes; long ones are held, not copied. */
  bytes(field: number, value: Uint8Array): void {
    this.#head(field, value.length);
    this.#put(value);
  }

  /** A field that is a message. */
  message(field: number, write: (inner: WireWriter) => void): void {
    const inner = new WireWriter();
    write(inner);
    this.#head(field, inner.length);
    for (const part of inner.parts()) {
      this.#put(part);
    }
  }

  /** What was written, piece by piece. */
  parts(): readonly Uint8Array[] {
    this.#flush();
    return this.#parts;
  }

  /** What was written, in one array. */
  finish(): Uint8Array<ArrayBuffer> {
    const whole = new Uint8Array(this.length);
    let position = 0;
    for (const part of this.parts()) {
      whole.set(part, position);
      position += part.length;
    }
    return whole;
  }

  #head(field: number, length: number): void {
    this.#varint(field * 8 + wireType.bytes);
    this.#varint(length);
  }

  #put(value: Uint8Array): void {
    if (value.length < 256) {
      for (const byte of value) {
        this.#small.push(byte);
      }
      return;
    }
    this.#flush();
    this.#parts.push(value);
    this.#length += value.length;
  }

  #flush(): void {
    if (this.#small.length > 0) {
      this.#parts.push(Uint8Array.from(this.#small));
      this.#length += this.#small.length;
      this.#small = [];
    }
  }

  #varint(value: number | bigint): void {
    let rest = value;
    if (typeof rest === "bigint") {
      for (; rest >= 0x80n; rest >>= 7n) {
        this.#small.push(Number(rest & 0x7fn) | 0x80);
      }
      this.#small.push(Number(rest));
      return;
    }
    for (; rest >= 0x80; rest = Math.floor(rest / 128)) {
      this.#small.push((rest % 128) | 0x80);
    }
    this.#small.push(rest);
  }
}
