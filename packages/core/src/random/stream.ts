import { ArgumentError } from "../errors/index.js";
import { boxMuller } from "./box-muller.js";
import { requireRange, requireWord } from "./checks.js";
import { type RandomState, requireState, type Spare, STREAM_BLOCKS } from "./state.js";
import { threefryBlocks } from "./threefry.js";

const TWO_32 = 0x1_0000_0000;
const TWO_53 = 0x20_0000_0000_0000;
/** 2^-24, the spacing of uniforms. */
const UNIFORM_UNIT = 1 / 0x100_0000;
const CHUNK_BLOCKS = 128;

/** Scratch of all streams; nothing is kept in it between calls. */
const words = new Int32Array(2 * CHUNK_BLOCKS);
const precisePair = new Float64Array(2);

/**
 * A sequence of random numbers: a pure function of (key, index, position).
 *
 * Block p is Threefry-2x32-20 of the counter (index, p) and gives two 32-bit words; 2^32 blocks a stream. Integers,
 * uniforms and categories take words in order; normals take whole blocks, two normals each, in order. How they are asked
 * for makes no difference: filling 3 and then 5 gives what filling 8 gives, and so do eight single calls. Changing from
 * words to normals or back drops what is left of the block in use and goes on with the next block.
 */
export class RandomStream {
  // Signed, because engines keep 32-bit signed integers without allocating.
  #key0: number;
  #key1: number;
  #index: number;
  #position = 0;
  #spare: Spare = "none";
  #spareValue = 0;

  /**
   * Streams usually come from `RandomKey.stream` or `SampleStreams.at`.
   * @param key0 first word of the key
   * @param key1 second word of the key
   * @param index the sample, 0 ... 2^32 - 1
   * @throws ArgumentError when a number is not a whole number in 0 ... 2^32 - 1
   */
  constructor(key0: number, key1: number, index: number) {
    requireWord("RandomStream", "key0", key0);
    requireWord("RandomStream", "key1", key1);
    requireWord("RandomStream", "index", index);
    this.#key0 = key0 | 0;
    this.#key1 = key1 | 0;
    this.#index = index | 0;
  }

  /**
   * A stream that goes on where `state` was taken.
   * @throws ArgumentError when the state is damaged
   */
  static fromState(state: RandomState): RandomStream {
    requireState(state);
    const { key, index, position, spare } = state;
    const stream = new RandomStream(key[0], key[1], index);
    if (spare !== "none") {
      stream.#position = position - 1;
      if (spare === "word") {
        stream.#word();
      } else {
        stream.normal();
      }
    }
    stream.#position = position;
    return stream;
  }

  /** The sample whose stream this is. */
  get index(): number {
    return this.#index >>> 0;
  }

  /** The state from which `fromState` goes on exactly; plain JSON. */
  state(): RandomState {
    return {
      key: [this.#key0 >>> 0, this.#key1 >>> 0],
      index: this.index,
      position: this.#position,
      spare: this.#spare,
    };
  }

  /**
   * Moves to the beginning of the stream of sample `index` under the same key.
   * @returns this stream
   * @throws ArgumentError when `index` is not a whole number in 0 ... 2^32 - 1
   */
  rewind(index: number): this {
    requireWord("RandomStream.rewind", "index", index);
    this.#index = index | 0;
    this.#position = 0;
    this.#spare = "none";
    return this;
  }

  /**
   * A uniform number in [0, 1), a multiple of 2^-24, from the upper 24 bits of one word. It is a float32 exactly, so
   * `fillUniform` gives the same numbers and none of them rounds up to 1.
   */
  uniform(): number {
    return (this.#word() >>> 8) * UNIFORM_UNIT;
  }

  /**
   * A standard normal number in double precision, by the Box-Muller transform in exactly specified arithmetic: the same
   * bits in every JavaScript engine. |z| <= 6.764. `fillNormal` gives the same number rounded to float32.
   */
  normal(): number {
    if (this.#spare === "normal") {
      this.#spare = "none";
      return this.#spareValue;
    }
    threefryBlocks(this.#key0, this.#key1, this.#index, this.#advance(1), words, 1);
    boxMuller(words, precisePair, 0, 1);
    this.#spare = "normal";
    this.#spareValue = precisePair[1]!;
    return precisePair[0]!;
  }

  /**
   * A whole number, `low` included and `high` excluded, every one equally likely (by rejection, without modulo bias).
   * Takes one word a trial for ranges up to 2^32 and two for larger ones; a trial fails with probability below 1/2.
   * @throws ArgumentError unless low < high are whole numbers and high - low <= 2^53 - 1
   */
  integer(low: number, high: number): number {
    const range = high - low;
    if (!Number.isSafeInteger(low) || !Number.isSafeInteger(high) || !Number.isSafeInteger(range) || range <= 0) {
      throw new ArgumentError(
        `RandomStream.integer: low < high must be whole numbers at most 2^53 - 1 apart, got ${low} and ${high}.`,
        "low, high",
        [low, high],
      );
    }
    const narrow = range <= TWO_32;
    const total = narrow ? TWO_32 : TWO_53;
    const limit = total - (total % range);
    let draw = narrow ? this.#word() >>> 0 : this.#long();
    while (draw >= limit) {
      draw = narrow ? this.#word() >>> 0 : this.#long();
    }
    return low + (draw % range);
  }

  /**
   * An index into `weights`, each with probability weight / total. Takes two words (53 bits).
   * @param weights finite numbers >= 0, at least one of them positive; they need not sum to 1
   * @throws ArgumentError for anything else
   */
  categorical(weights: ArrayLike<number>): number {
    let total = 0;
    let last = -1;
    for (let i = 0; i < weights.length; i++) {
      const weight = weights[i]!;
      if (!(weight >= 0 && weight < Number.POSITIVE_INFINITY)) {
        throw new ArgumentError(
          `RandomStream.categorical: weights must be finite and >= 0, got ${weight} at index ${i}.`,
          "weights",
          weight,
        );
      }
      total += weight;
      last = weight > 0 ? i : last;
    }
    if (last < 0 || total === Number.POSITIVE_INFINITY) {
      throw new ArgumentError(
        `RandomStream.categorical: the weights must have a positive finite sum, got ${total} over ${weights.length} weights.`,
        "weights",
        total,
      );
    }
    const threshold = (this.#long() / TWO_53) * total;
    let sum = 0;
    for (let i = 0; i < last; i++) {
      sum += weights[i]!;
      if (threshold < sum) {
        return i;
      }
    }
    return last;
  }

  /**
   * Uniform numbers in [0, 1) into `out[start]` ... `out[end - 1]`, as `uniform` gives them.
   * @default start 0, end out.length
   * @throws ArgumentError when start and end are not within the array
   */
  fillUniform(out: Float32Array, start = 0, end = out.length): void {
    requireRange("RandomStream.fillUniform", out.length, start, end);
    let at = start;
    if (at < end && this.#spare === "word") {
      out[at++] = this.uniform();
    }
    while (end - at >= 2) {
      const blocks = Math.min(CHUNK_BLOCKS, (end - at) >>> 1);
      threefryBlocks(this.#key0, this.#key1, this.#index, this.#advance(blocks), words, blocks);
      for (let i = 0; i < 2 * blocks; i++) {
        out[at + i] = (words[i]! >>> 8) * UNIFORM_UNIT;
      }
      at += 2 * blocks;
      this.#spare = "none";
    }
    if (at < end) {
      out[at] = this.uniform();
    }
  }

  /**
   * Standard normal numbers into `out[start]` ... `out[end - 1]`, as `normal` gives them, rounded to float32.
   * @default start 0, end out.length
   * @throws ArgumentError when start and end are not within the array
   */
  fillNormal(out: Float32Array, start = 0, end = out.length): void {
    requireRange("RandomStream.fillNormal", out.length, start, end);
    let at = start;
    if (at < end && this.#spare === "normal") {
      out[at++] = this.normal();
    }
    while (end - at >= 2) {
      const blocks = Math.min(CHUNK_BLOCKS, (end - at) >>> 1);
      threefryBlocks(this.#key0, this.#key1, this.#index, this.#advance(blocks), words, blocks);
      boxMuller(words, out, at, blocks);
      at += 2 * blocks;
      this.#spare = "none";
    }
    if (at < end) {
      out[at] = this.normal();
    }
  }

  /**
   * A random order of 0 ... n - 1, every order equally likely (Fisher-Yates).
   * @param n a whole number, 0 ... 2^31 - 1
   * @throws ArgumentError for anything else
   */
  permutation(n: number): Int32Array {
    if ((n | 0) !== n || n < 0) {
      throw new ArgumentError(
        `RandomStream.permutation: n must be a whole number from 0 to 2^31 - 1, got ${n}.`,
        "n",
        n,
      );
    }
    const order = new Int32Array(n);
    for (let i = 0; i < n; i++) {
      order[i] = i;
    }
    for (let i = n - 1; i > 0; i--) {
      const j = this.integer(0, i + 1);
      const swapped = order[i]!;
      order[i] = order[j]!;
      order[j] = swapped;
    }
    return order;
  }

  /** The next word, as a signed integer. */
  #word(): number {
    if (this.#spare === "word") {
      this.#spare = "none";
      return this.#spareValue;
    }
    threefryBlocks(this.#key0, this.#key1, this.#index, this.#advance(1), words, 1);
    this.#spare = "word";
    this.#spareValue = words[1]!;
    return words[0]!;
  }

  /** A whole number below 2^53 from the upper 27 bits of one word and the upper 26 of the next. */
  #long(): number {
    const high = this.#word() >>> 5;
    return high * 0x4000000 + (this.#word() >>> 6);
  }

  /** Takes the next `blocks` blocks and returns the position of the first. */
  #advance(blocks: number): number {
    const first = this.#position;
    if (first + blocks > STREAM_BLOCKS) {
      throw new ArgumentError(
        `RandomStream: stream ${this.index} is used up after 2^32 blocks; fold the key to get another.`,
        "position",
        first,
      );
    }
    this.#position = first + blocks;
    return first;
  }
}
