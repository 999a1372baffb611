import { ArgumentError, FormatError, ShapeError } from "@diffusiongym/core";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { readSafetensors, type WritableTensor, writeSafetensors } from "../../src/safetensors/index.js";

const encode = (text: string): Uint8Array => new TextEncoder().encode(text);

/** A file put together by hand: length, header text, data. */
function compose(header: string, data: ArrayLike<number> = [], claimed = encode(header).length): Uint8Array {
  const text = encode(header);
  const file = new Uint8Array(8 + text.length + data.length);
  new DataView(file.buffer).setBigUint64(0, BigInt(claimed), true);
  file.set(text, 8);
  file.set(data, 8 + text.length);
  return file;
}

const entry = (dtype: string, shape: unknown, offsets: unknown): string =>
  JSON.stringify({ dtype, shape, data_offsets: offsets });

describe("the format", () => {
  test("bytes are those of the format's own description", () => {
    const written = writeSafetensors([["attn.0", { data: new Float32Array(6), shape: [1, 2, 3] }]]);
    const header = '{"attn.0":{"dtype":"F32","shape":[1,2,3],"data_offsets":[0,24]}}';
    expect(header.length).toBe(64);
    expect(written).toEqual(compose(header, new Uint8Array(24)));
  });

  test("larger element types come first, then names, whatever the order given, and the header is padded to 8", () => {
    const tensors: [string, WritableTensor][] = [
      ["b", { data: Float32Array.of(1), shape: [] }],
      ["flag", { data: Uint8Array.of(1), shape: [1], type: "BOOL" }],
      ["a", { data: Float32Array.of(2), shape: [1] }],
      ["7", { data: BigInt64Array.of(5n), shape: [1] }],
    ];
    const metadata = { z: "last", a: "first" };
    const written = writeSafetensors(tensors, metadata);
    expect(writeSafetensors([...tensors].reverse(), { a: "first", z: "last" })).toEqual(written);
    expect(new DataView(written.buffer).getUint32(0, true) % 8).toBe(0);
    const { tensors: read, metadata: readMetadata } = readSafetensors(written);
    expect([...read.keys()]).toEqual(["7", "a", "b", "flag"]);
    expect(Object.entries(readMetadata)).toEqual([
      ["a", "first"],
      ["z", "last"],
    ]);
  });

  test("tensors are read at offsets that are not multiples of their size, and from a view that starts anywhere", () => {
    const numbers = Float32Array.of(1.5, -2.25);
    const data = [7, ...new Uint8Array(numbers.buffer)];
    const file = compose(`{"u":${entry("U8", [1], [0, 1])},"x":${entry("F32", [2], [1, 9])}}`, data);
    for (let shift = 0; shift < 8; shift++) {
      const buffer = new Uint8Array(file.length + shift);
      buffer.set(file, shift);
      expect(readSafetensors(buffer.subarray(shift)).tensors.get("x")!.data).toEqual(numbers);
    }
  });

  test("16-bit floats are widened, and their bytes stay within reach", () => {
    const data = [0x00, 0x3c, 0x01, 0x00, 0x80, 0x3f, 0x80, 0xff];
    const { tensors } = readSafetensors(
      compose(`{"h":${entry("F16", [2], [0, 4])},"b":${entry("BF16", [2], [4, 8])}}`, data),
    );
    expect(tensors.get("h")!.data).toEqual(Float32Array.of(1, 2 ** -24));
    expect(tensors.get("h")!.bytes).toEqual(Uint8Array.of(0x00, 0x3c, 0x01, 0x00));
    expect(tensors.get("b")!.data).toEqual(Float32Array.of(1, -Infinity));
  });

  test("an empty file of tensors, scalars and empty tensors round trip", () => {
    expect(readSafetensors(writeSafetensors([])).tensors.size).toBe(0);
    const { tensors } = readSafetensors(
      writeSafetensors([
        ["scalar", { data: Int32Array.of(-3), shape: [] }],
        ["none", { data: new Float32Array(0), shape: [0, 4] }],
      ]),
    );
    expect(tensors.get("scalar")).toMatchObject({ shape: [], data: Int32Array.of(-3) });
    expect(tensors.get("none")).toMatchObject({ shape: [0, 4], data: new Float32Array(0) });
  });
});

describe("what is refused, in words", () => {
  const one = entry("F32", [1], [0, 4]);
  test.each([
    ["truncated length", Uint8Array.of(1, 2, 3), /has 3 bytes.*truncated/],
    ["another format", encode("PK\u0003\u0004 a zip archive"), /header claims \d+ bytes.*another format/],
    ["header beyond the file", compose("{}", [], 50), /header claims 50 bytes and 2 follow.*truncated/],
    ["not JSON", compose("{oops"), /not JSON/],
    ["not UTF-8", new Uint8Array([2, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xfe]), /not UTF-8/],
    ["a list", compose("[]"), /not a JSON object/],
    ["a name twice", compose(`{"w":${one},"w":${one}}`, new Uint8Array(4)), /the key "w" twice/],
    ["a name twice, escaped", compose(`{"w":${one},"\\u0077" : ${one}}`, new Uint8Array(4)), /the key "w" twice/],
    ["a field twice", compose('{"w":{"dtype":"F32","dtype":"F32"}}'), /the key "dtype" twice/],
    ["metadata of numbers", compose('{"__metadata__":{"a":1}}'), /__metadata__ is not an object of strings/],
    ["an entry that is a string", compose('{"w":"F32"}'), /entry of tensor "w" is not an object/],
    [
      "an unknown type",
      compose(`{"w":${entry("F23", [1], [0, 4])}}`, new Uint8Array(4)),
      /"F23", which is not one of F64, F32/,
    ],
    [
      "a type from the prototype",
      compose(`{"w":${entry("toString", [1], [0, 4])}}`),
      /"toString", which is not one of/,
    ],
    ["a negative axis", compose(`{"w":${entry("F32", [-1], [0, 4])}}`), /shape of tensor "w" is \[-1\]/],
    ["a fractional axis", compose(`{"w":${entry("F32", [0.5], [0, 2])}}`), /shape of tensor "w"/],
    ["offsets backwards", compose(`{"w":${entry("F32", [1], [4, 0])}}`), /data_offsets of tensor "w" are \[4,0\]/],
    ["three offsets", compose(`{"w":${entry("F32", [1], [0, 4, 8])}}`), /data_offsets of tensor "w"/],
    ["too few bytes", compose(`{"w":${entry("F32", [2], [0, 4])}}`), /needs 8 bytes and has 4/],
    ["a shape that overflows", compose(`{"w":${entry("F32", Array(30).fill(2 ** 52), [0, 4])}}`), /needs .* bytes/],
    ["a gap", compose(`{"w":${entry("F32", [1], [4, 8])}}`, new Uint8Array(8)), /starts at byte 4, which leaves a gap/],
    ["an overlap", compose(`{"v":${one},"w":${one}}`, new Uint8Array(4)), /starts at byte 0, which overlaps/],
    ["data left over", compose(`{"w":${one}}`, new Uint8Array(5)), /take 4 bytes and 5 follow/],
    ["data missing", compose(`{"w":${one}}`, new Uint8Array(3)), /take 4 bytes and 3 follow.*truncated/],
    ["truth values of 2", compose(`{"w":${entry("BOOL", [1], [0, 1])}}`, [2]), /bytes other than 0 and 1/],
  ])("%s", (_, file, message) => {
    expect(() => readSafetensors(file)).toThrow(FormatError);
    expect(() => readSafetensors(file)).toThrow(message);
  });

  test("writing what cannot be stored", () => {
    const x = Float32Array.of(1);
    expect(() => writeSafetensors([["w", { data: x, shape: [2] }]])).toThrow(ShapeError);
    expect(() => writeSafetensors([["w", { data: x, shape: [1], type: "I32" }]])).toThrow(/held as F32.*stored as I32/);
    expect(() => writeSafetensors([["__metadata__", { data: x, shape: [1] }]])).toThrow(ArgumentError);
    const w = ["w", { data: x, shape: [1] }] as const;
    expect(() => writeSafetensors([w, w])).toThrow(/two tensors are called "w"/);
    const truth = { data: Uint8Array.of(3), shape: [1], type: "BOOL" } as const;
    expect(() => writeSafetensors([["w", truth]])).toThrow(/other than 0 and 1/);
  });
});

const anyShape = fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 3 });
const anyTensor: fc.Arbitrary<WritableTensor> = anyShape.chain((shape) => {
  const length = shape.reduce((a, b) => a * b, 1);
  const size = { minLength: length, maxLength: length };
  return fc.oneof(
    fc.float32Array(size).map((data) => ({ data, shape })),
    fc.float64Array(size).map((data) => ({ data, shape })),
    fc.int32Array(size).map((data) => ({ data, shape })),
    fc.int16Array(size).map((data) => ({ data, shape })),
    fc.uint8Array(size).map((data) => ({ data, shape })),
    fc.uint8Array({ ...size, max: 1 }).map((data) => ({ data, shape, type: "BOOL" as const })),
    fc.bigInt64Array(size).map((data) => ({ data, shape })),
  );
});
const anyFile = fc.tuple(
  fc.uniqueArray(fc.tuple(fc.string({ unit: "binary" }), anyTensor), { selector: ([name]) => name, maxLength: 5 }),
  fc.dictionary(fc.string(), fc.string(), { maxKeys: 3 }),
);

describe("properties", () => {
  test("what is written is what is read", () => {
    fc.assert(
      fc.property(anyFile, ([tensors, metadata]) => {
        const read = readSafetensors(writeSafetensors(tensors, metadata));
        expect(read.tensors.size).toBe(tensors.length);
        expect({ ...read.metadata }).toEqual({ ...metadata });
        for (const [name, { data, shape, type }] of tensors) {
          const found = read.tensors.get(name)!;
          expect(found.data).toEqual(data);
          expect(found.shape).toEqual(shape);
          expect(type === undefined || found.type === type).toBe(true);
        }
      }),
      { seed: 1, numRuns: 200 },
    );
  });

  test("a damaged file gives a FormatError or is read, and nothing else happens", () => {
    const outcomes = { read: 0, refused: 0 };
    fc.assert(
      fc.property(
        anyFile,
        fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), { minLength: 1, maxLength: 3 }),
        fc.option(fc.nat(), { freq: 1 }),
        ([tensors, metadata], changes, cut) => {
          const file = writeSafetensors(tensors, metadata);
          for (const [position, byte] of changes) {
            file[position % file.length] = byte;
          }
          try {
            readSafetensors(cut === null ? file : file.subarray(0, cut % file.length));
            outcomes.read++;
          } catch (error) {
            expect(error).toBeInstanceOf(FormatError);
            outcomes.refused++;
          }
        },
      ),
      { seed: 2, numRuns: 2000 },
    );
    expect(outcomes.read).toBeGreaterThan(50);
    expect(outcomes.refused).toBeGreaterThan(500);
  });
});
