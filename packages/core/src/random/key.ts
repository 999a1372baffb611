import { requireSafeInteger, requireWord } from "./checks.js";
import { hashString } from "./hash.js";
import { RandomStream } from "./stream.js";
import { threefryBlocks } from "./threefry.js";

const TWO_32 = 0x1_0000_0000;
/** First counter word of a fold by name; a fold by a whole number up to 2^53 - 1 stays below 2^21 there. */
const NAME_DOMAIN = 0x8000_0000;

const words = new Uint32Array(2);

/**
 * An immutable key: two 32-bit words from which streams of random numbers and further keys are derived. The same key
 * always gives the same numbers; keys derived with different data are independent for every practical purpose.
 *
 * ```ts
 * const key = RandomKey.fromSeed(0);
 * const noise = key.fold("noise").fold(step).streams(); // noise of sample i at a step: noise.at(i)
 * ```
 */
export class RandomKey {
  private constructor(
    /** First word, 0 ... 2^32 - 1. */
    readonly word0: number,
    /** Second word, 0 ... 2^32 - 1. */
    readonly word1: number,
  ) {}

  /**
   * The key of a seed: its high and its low 32 bits, as `jax.random.key` takes a 64-bit seed.
   * @param seed a whole number, 0 ... 2^53 - 1
   * @throws ArgumentError for anything else
   */
  static fromSeed(seed: number): RandomKey {
    requireSafeInteger("RandomKey.fromSeed", "seed", seed);
    return new RandomKey(Math.floor(seed / TWO_32), seed % TWO_32);
  }

  /**
   * The key with the two given words, for example those that were saved from another key.
   * @throws ArgumentError when a word is not a whole number in 0 ... 2^32 - 1
   */
  static fromWords(word0: number, word1: number): RandomKey {
    requireWord("RandomKey.fromWords", "word0", word0);
    requireWord("RandomKey.fromWords", "word1", word1);
    return new RandomKey(word0, word1);
  }

  /**
   * A derived key. Folding in a number n is Threefry of the counter pair (high 32 bits of n, low 32 bits of n), the
   * `jax.random.fold_in` of JAX. Folding in a name is Threefry of the pair (2^31, FNV-1a hash of the name in UTF-8),
   * which no number reaches.
   * @param data a whole number, 0 ... 2^53 - 1, or a name
   * @throws ArgumentError for a negative, fractional or too large number
   */
  fold(data: number | string): RandomKey {
    if (typeof data === "string") {
      threefryBlocks(this.word0, this.word1, NAME_DOMAIN, hashString(data), words, 1);
    } else {
      requireSafeInteger("RandomKey.fold", "data", data);
      threefryBlocks(this.word0, this.word1, Math.floor(data / TWO_32), data % TWO_32, words, 1);
    }
    return new RandomKey(words[0]!, words[1]!);
  }

  /**
   * The stream of one sample, from its beginning.
   * @param index the sample, 0 ... 2^32 - 1
   * @default index 0
   */
  stream(index = 0): RandomStream {
    return new RandomStream(this.word0, this.word1, index);
  }

  /**
   * One stream a sample: sample i of a batch draws from `stream(offset + i)`.
   * @param offset index of the batch's first sample, 0 ... 2^32 - 1
   * @default offset 0
   */
  streams(offset = 0): SampleStreams {
    return new SampleStreams(this, offset);
  }
}

/**
 * The streams of a batch: sample i draws from the stream with index `offset + i`, whatever else is in the batch, so a
 * batch of 64 is the concatenation of two batches of 32 with offsets 0 and 32.
 */
export class SampleStreams {
  readonly #stream: RandomStream;

  /**
   * @param key the key that all streams share
   * @param offset index of the first sample, 0 ... 2^32 - 1
   * @throws ArgumentError when `offset` is anything else
   */
  constructor(
    /** The key that all streams share. */
    readonly key: RandomKey,
    /** Index of the first sample. */
    readonly offset = 0,
  ) {
    requireWord("SampleStreams", "offset", offset);
    this.#stream = new RandomStream(key.word0, key.word1, offset);
  }

  /**
   * The stream of sample `offset + i`, from its beginning. Nothing is allocated: the object is the same at every call
   * and moves to the new sample, so draw from it before the next call; `key.stream(offset + i)` gives one to keep.
   * @param i the sample within the batch, a whole number >= 0
   * @throws ArgumentError when `offset + i` is not in 0 ... 2^32 - 1
   */
  at(i: number): RandomStream {
    return this.#stream.rewind(this.offset + i);
  }

  /**
   * The same samples under a derived key, for data that draws several things a sample: `streams.fold("positions")`.
   * @param data a name or a whole number, as for `RandomKey.fold`
   */
  fold(data: number | string): SampleStreams {
    return new SampleStreams(this.key.fold(data), this.offset);
  }

  /** The streams of the samples from `start` on: `from(32).at(0)` is `at(32)`. */
  from(start: number): SampleStreams {
    return new SampleStreams(this.key, this.offset + start);
  }
}
