import { DiffusionData } from "@diffusiongym/core";

/**
 * Sixteen hexadecimal digits that stand for any data: arrays of numbers bit by bit, tensors, batches, records, text. For
 * noticing that something is not what it was; no protection against somebody who means to deceive. Needs no `crypto`, which
 * browsers give to secure pages only.
 */
export function fingerprint(value: unknown): string {
  const digest = new Digest();
  digest.add(value);
  return digest.toString();
}

const encoder = new TextEncoder();

/** Two lanes of multiply and rotate; every step is a bijection, so that a change of one word always shows. */
class Digest {
  private a = 0x243f6a88;
  private b = 0x85a308d3;

  add(value: unknown): void {
    if (ArrayBuffer.isView(value)) {
      this.text((value as { [Symbol.toStringTag]?: string })[Symbol.toStringTag] ?? "view");
      this.bytes(new Uint8Array(value.buffer, value.byteOffset, value.byteLength));
    } else if (value instanceof DiffusionData) {
      this.entries("data", value.tensors());
    } else if (Array.isArray(value)) {
      this.entries("list", value);
    } else if (value instanceof Map) {
      this.entries("map", [...value].sort(byName));
    } else if (typeof value === "object" && value !== null) {
      this.entries("record", Object.entries(value).sort(byName));
    } else {
      // What a function does cannot be told from its text, which a bundler rewrites besides.
      this.text(typeof value === "function" ? "function" : `${typeof value} ${String(value)}`);
    }
  }

  toString(): string {
    return [this.a, this.b].map((lane) => (finish(lane) >>> 0).toString(16).padStart(8, "0")).join("");
  }

  private entries(kind: string, values: readonly unknown[]): void {
    this.text(kind);
    this.word(values.length);
    for (const value of values) {
      this.add(value);
    }
  }

  private text(text: string): void {
    this.bytes(encoder.encode(text));
  }

  private bytes(bytes: Uint8Array): void {
    this.word(bytes.length);
    const whole = bytes.length >>> 2;
    const aligned = bytes.byteOffset % 4 === 0 ? bytes : bytes.slice();
    const words = new Uint32Array(aligned.buffer, aligned.byteOffset, whole);
    for (let i = 0; i < whole; i++) {
      this.word(words[i]!);
    }
    for (let i = 4 * whole; i < bytes.length; i++) {
      this.word(bytes[i]!);
    }
  }

  private word(word: number): void {
    this.a = rotate(Math.imul(this.a ^ word, 0x9e3779b1), 15) + 0x52dce729;
    this.b = rotate(Math.imul(this.b ^ word, 0x85ebca77), 13) + 0x38495ab5;
  }
}

function rotate(lane: number, bits: number): number {
  return (lane << bits) | (lane >>> (32 - bits));
}

function finish(lane: number): number {
  let mixed = Math.imul(lane ^ (lane >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return mixed ^ (mixed >>> 16);
}

function byName([a]: readonly [unknown, unknown], [b]: readonly [unknown, unknown]): number {
  return String(a) < String(b) ? -1 : 1;
}
