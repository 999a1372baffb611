import { describe, expect, it } from "vitest";
import { loadFixture } from "../../../../tooling/test/fixtures.js";
import { hashString } from "../../src/random/hash.js";
import { RandomKey } from "../../src/random/index.js";
import { threefryBlocks } from "../../src/random/threefry.js";

interface JaxFixture {
  readonly cases: readonly {
    readonly seed: number;
    readonly key: readonly [number, number];
    readonly folds: readonly { readonly data: number; readonly key: readonly [number, number] }[];
    readonly bits: readonly number[];
  }[];
  readonly blocks: readonly {
    readonly key: readonly [number, number];
    readonly counter: readonly [number, number];
    readonly words: readonly [number, number];
  }[];
}

function block(key: readonly [number, number], counter: readonly [number, number]): [number, number] {
  const out = new Uint32Array(2);
  threefryBlocks(key[0], key[1], counter[0], counter[1], out, 1);
  return [out[0]!, out[1]!];
}

describe("threefryBlocks", () => {
  it("gives the known answers of Random123 (kat_vectors, threefry2x32 with 20 rounds)", () => {
    expect(block([0, 0], [0, 0])).toEqual([0x6b200159, 0x99ba4efe]);
    expect(block([0xffffffff, 0xffffffff], [0xffffffff, 0xffffffff])).toEqual([0x1cb996fc, 0xbb002be7]);
    expect(block([0x13198a2e, 0x03707344], [0x243f6a88, 0x85a308d3])).toEqual([0xc4923a9c, 0x483df7a0]);
  });

  it("gives consecutive counters what single calls give, in signed and in unsigned words", () => {
    const signed = new Int32Array(10);
    const unsigned = new Uint32Array(10);
    threefryBlocks(123, 0x89abcdef, 7, 0xfffffffe, signed, 5);
    threefryBlocks(123, 0x89abcdef, 7, 0xfffffffe, unsigned, 5);
    for (let j = 0; j < 5; j++) {
      const expected = block([123, 0x89abcdef], [7, (0xfffffffe + j) >>> 0]);
      expect([unsigned[2 * j], unsigned[2 * j + 1]]).toEqual(expected);
      expect([signed[2 * j]! >>> 0, signed[2 * j + 1]! >>> 0]).toEqual(expected);
    }
  });
});

describe("agreement with JAX", async () => {
  const fixture = await loadFixture<JaxFixture>("packages/core/test/fixtures/threefry-jax.json.gz");

  it("holds for 64 random blocks", () => {
    expect(fixture.blocks).toHaveLength(64);
    for (const { key, counter, words } of fixture.blocks) {
      expect(block(key, counter)).toEqual(words);
    }
  });

  it.each(fixture.cases)("holds for the key, the folds and the bits of seed $seed", ({ seed, key, folds, bits }) => {
    const ours = RandomKey.fromSeed(seed);
    expect([ours.word0, ours.word1]).toEqual(key);
    for (const fold of folds) {
      const folded = ours.fold(fold.data);
      expect([folded.word0, folded.word1]).toEqual(fold.key);
    }
    const xors = bits.map((_, i) => {
      const [a, b] = block([ours.word0, ours.word1], [0, i]);
      return (a ^ b) >>> 0;
    });
    expect(xors).toEqual(bits);
  });
});

describe("hashString", () => {
  it("is FNV-1a of the UTF-8 bytes (test vectors of its authors)", () => {
    expect(hashString("")).toBe(0x811c9dc5);
    expect(hashString("a")).toBe(0xe40c292c);
    expect(hashString("b")).toBe(0xe70c2de5);
    expect(hashString("foobar")).toBe(0xbf9cf968);
  });

  it("hashes bytes, not UTF-16 units", () => {
    let expected = 0x811c9dc5;
    for (const byte of [0xc3, 0xa9]) {
      expected = Math.imul(expected ^ byte, 0x01000193);
    }
    expect(hashString("é")).toBe(expected >>> 0);
  });
});
