import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ArgumentError } from "../../src/errors/index.js";
import { RandomKey, type RandomState, RandomStream } from "../../src/random/index.js";
import { threefryBlocks } from "../../src/random/threefry.js";

const key = RandomKey.fromSeed(20261122);

/** The words of a stream, two a block. */
function wordsOf(index: number, blocks: number, from = 0): Uint32Array {
  const out = new Uint32Array(2 * blocks);
  threefryBlocks(key.word0, key.word1, index, from, out, blocks);
  return out;
}

describe("consumption", () => {
  it("gives uniforms from the upper 24 bits of words in order", () => {
    const stream = key.stream(5);
    const expected = Array.from(wordsOf(5, 4), (word) => Math.floor(word / 256) / 2 ** 24);
    expect(Array.from({ length: 8 }, () => stream.uniform())).toEqual(expected);
  });

  it("gives two normals a block", () => {
    const stream = key.stream(5);
    const normals = Array.from({ length: 6 }, () => stream.normal());
    expect(stream.state()).toMatchObject({ position: 3, spare: "none" });
    const third = RandomStream.fromState({ key: [key.word0, key.word1], index: 5, position: 2, spare: "none" });
    expect([third.normal(), third.normal()]).toEqual(normals.slice(4));
  });

  it.each(["fillNormal", "fillUniform"] as const)("%s in pieces gives what one fill gives", (method) => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 700 }), { minLength: 1, maxLength: 6 }), (pieces) => {
        const total = pieces.reduce((sum, piece) => sum + piece, 0);
        const whole = new Float32Array(total + 1);
        const parts = new Float32Array(total + 1);
        const wholeStream = key.stream(3);
        const partStream = key.stream(3);
        wholeStream[method](whole);
        let at = 0;
        for (const piece of pieces) {
          partStream[method](parts, at, at + piece);
          at += piece;
        }
        partStream[method](parts, at);
        expect(parts).toEqual(whole);
        expect(partStream.state()).toEqual(wholeStream.state());
      }),
      { seed: 1, numRuns: 60 },
    );
  });

  it.each([
    ["fillNormal", "normal"],
    ["fillUniform", "uniform"],
  ] as const)("%s mixes with single calls of %s", (fill, single) => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 5 }), { maxLength: 20 }), (pieces) => {
        const mixed: number[] = [];
        const stream = key.stream(9);
        for (const piece of pieces) {
          if (piece === 0) {
            mixed.push(Math.fround(stream[single]()));
          } else {
            const out = new Float32Array(piece);
            stream[fill](out);
            mixed.push(...out);
          }
        }
        const expected = new Float32Array(mixed.length);
        key.stream(9)[fill](expected);
        expect(mixed).toEqual(Array.from(expected));
      }),
      { seed: 2, numRuns: 100 },
    );
  });

  it("starts a new block when the kind of draw changes, in either direction", () => {
    const stream = key.stream(0);
    const first = stream.uniform();
    const normal = stream.normal();
    const last = stream.uniform();
    expect(stream.state().position).toBe(3);
    const words = wordsOf(0, 3);
    expect(first).toBe(Math.floor(words[0]! / 256) / 2 ** 24);
    expect(last).toBe(Math.floor(words[4]! / 256) / 2 ** 24);
    const second = RandomStream.fromState({ key: [key.word0, key.word1], index: 0, position: 1, spare: "none" });
    expect(normal).toBe(second.normal());
  });

  it("writes only between start and end", () => {
    const out = new Float32Array(9).fill(7);
    key.stream().fillNormal(out, 2, 5);
    expect(Array.from(out, (value) => value === 7)).toEqual([true, true, false, false, false, true, true, true, true]);
  });

  it("keeps uniforms below 1 in float32", () => {
    const out = new Float32Array(200_000);
    key.stream().fillUniform(out);
    expect(out.every((value) => value >= 0 && value < 1 && Number.isInteger(value * 2 ** 24))).toBe(true);
  });
});

describe("streams of samples", () => {
  it("depend on offset + i only, so that batches concatenate", () => {
    const draw = (offset: number, n: number): number[] => {
      const streams = key.fold("noise").fold(3).streams(offset);
      return Array.from({ length: n }, (_, i) => streams.at(i)).flatMap((_, i) => {
        const out = new Float32Array(5);
        streams.at(i).fillNormal(out);
        return Array.from(out);
      });
    };
    expect(draw(0, 64)).toEqual([...draw(0, 32), ...draw(32, 32)]);
  });

  it("rewind at every call, reuse one object, and equal the key's own streams", () => {
    const streams = key.streams(10);
    const first = streams.at(2);
    const value = first.normal();
    expect(streams.at(2)).toBe(first);
    expect(streams.at(2).normal()).toBe(value);
    expect(key.stream(12).normal()).toBe(value);
    expect(streams.from(2).at(0).normal()).toBe(value);
    expect(streams.fold("x").at(2).normal()).toBe(key.fold("x").stream(12).normal());
  });

  it("reach the last index and refuse the one after", () => {
    expect(key.streams(2 ** 32 - 1).at(0).index).toBe(2 ** 32 - 1);
    expect(() => key.streams(2 ** 32 - 1).at(1)).toThrowError(ArgumentError);
    expect(() => key.streams(-1)).toThrowError(/offset/);
    expect(() => key.stream(0.5)).toThrowError(/index/);
  });
});

describe("state", () => {
  it("goes on exactly, through JSON, wherever it is taken", () => {
    const actions = ["normal", "uniform", "integer", "categorical"] as const;
    const act = (stream: RandomStream, action: (typeof actions)[number]): number => {
      switch (action) {
        case "integer":
          return stream.integer(0, 1000);
        case "categorical":
          return stream.categorical([1, 2, 3]);
        default:
          return stream[action]();
      }
    };
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom(...actions), { maxLength: 12 }),
        fc.array(fc.constantFrom(...actions), { maxLength: 12 }),
        (before, after) => {
          const stream = key.stream(77);
          for (const action of before) {
            act(stream, action);
          }
          const restored = RandomStream.fromState(JSON.parse(JSON.stringify(stream.state())) as RandomState);
          expect(restored.state()).toEqual(stream.state());
          expect(after.map((action) => act(restored, action))).toEqual(after.map((action) => act(stream, action)));
        },
      ),
      { seed: 3, numRuns: 200 },
    );
  });

  it.each<[string, unknown]>([
    ["a word that is none", { key: [0, 2 ** 32], index: 0, position: 0, spare: "none" }],
    ["one word", { key: [0], index: 0, position: 0, spare: "none" }],
    ["no key", { index: 0, position: 0, spare: "none" }],
    ["a negative index", { key: [0, 0], index: -1, position: 0, spare: "none" }],
    ["a fractional position", { key: [0, 0], index: 0, position: 0.5, spare: "none" }],
    ["a position past the end", { key: [0, 0], index: 0, position: 2 ** 32 + 1, spare: "none" }],
    ["an unknown spare", { key: [0, 0], index: 0, position: 1, spare: "half" }],
    ["a spare before the first block", { key: [0, 0], index: 0, position: 0, spare: "word" }],
    ["nothing", null],
  ])("refuses %s", (_, state) => {
    expect(() => RandomStream.fromState(state as RandomState)).toThrowError(ArgumentError);
  });

  it("ends after 2^32 blocks instead of repeating itself", () => {
    const last = { key: [1, 2], index: 0, position: 2 ** 32 - 1, spare: "none" } as const;
    const stream = RandomStream.fromState(last);
    expect(Number.isFinite(stream.normal() + stream.normal())).toBe(true);
    expect(() => stream.normal()).toThrowError(/used up/);
    expect(() => RandomStream.fromState(last).fillUniform(new Float32Array(4))).toThrowError(/used up/);
  });
});

describe("refusals", () => {
  const stream = key.stream();
  it.each<[string, () => unknown]>([
    ["an empty range", () => stream.integer(3, 3)],
    ["a reversed range", () => stream.integer(3, 2)],
    ["a fractional bound", () => stream.integer(0, 2.5)],
    ["a NaN bound", () => stream.integer(Number.NaN, 2)],
    ["too wide a range", () => stream.integer(-(2 ** 53) + 1, 2 ** 53 - 1)],
    ["no weights", () => stream.categorical([])],
    ["zero weights", () => stream.categorical([0, 0])],
    ["a negative weight", () => stream.categorical([1, -1])],
    ["a NaN weight", () => stream.categorical([1, Number.NaN])],
    ["an infinite weight", () => stream.categorical([1, Number.POSITIVE_INFINITY])],
    ["an overflowing sum", () => stream.categorical([1e308, 1e308])],
    ["a range outside the array", () => stream.fillNormal(new Float32Array(3), 1, 4)],
    ["a reversed fill", () => stream.fillUniform(new Float32Array(3), 2, 1)],
    ["a fractional start", () => stream.fillNormal(new Float32Array(3), 0.5)],
    ["a negative permutation", () => stream.permutation(-1)],
    ["a fractional permutation", () => stream.permutation(1.5)],
    ["a negative seed", () => RandomKey.fromSeed(-1)],
    ["a fractional seed", () => RandomKey.fromSeed(1.5)],
    ["a seed beyond 2^53 - 1", () => RandomKey.fromSeed(2 ** 53)],
    ["a NaN seed", () => RandomKey.fromSeed(Number.NaN)],
    ["a negative fold", () => key.fold(-1)],
    ["a NaN fold", () => key.fold(Number.NaN)],
    ["a bad word", () => RandomKey.fromWords(0, -1)],
  ])("%s throws ArgumentError", (_, act) => {
    expect(act).toThrowError(ArgumentError);
  });
});

describe("RandomKey.fold", () => {
  it("depends on data, on order and on whether the data is a name or a number", () => {
    const words = ({ word0, word1 }: RandomKey): string => `${word0},${word1}`;
    const keys = [
      key,
      key.fold(0),
      key.fold(1),
      key.fold(2 ** 32),
      key.fold(""),
      key.fold("noise"),
      key.fold("Noise"),
      key.fold(0).fold(1),
      key.fold(1).fold(0),
      key.fold(0x811c9dc5),
    ];
    expect(new Set(keys.map(words)).size).toBe(keys.length);
    expect(words(RandomKey.fromWords(key.word0, key.word1).fold("noise"))).toBe(words(key.fold("noise")));
  });

  it("of a name is Threefry of (2^31, FNV-1a)", () => {
    const words = new Uint32Array(2);
    threefryBlocks(key.word0, key.word1, 0x80000000, 0xbf9cf968, words, 1);
    expect([key.fold("foobar").word0, key.fold("foobar").word1]).toEqual(Array.from(words));
  });
});
