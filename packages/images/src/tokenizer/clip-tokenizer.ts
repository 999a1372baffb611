import { ArgumentError } from "@diffusiongym/core";
import type { Tokenizer } from "@huggingface/tokenizers";

/** A text as the text encoder takes it. */
export interface EncodedText {
  /** Token ids with start, end and padding, shape [maxLength]. */
  readonly ids: Int32Array;
  /** 1 for what is of the text, start and end included, 0 for padding; shape [maxLength]. */
  readonly mask: Uint8Array;
  /** Tokens that did not fit, without start and end; 0 when the whole text is there. */
  readonly dropped: number;
}

/** Parts of a `ClipTokenizer`. */
export interface ClipTokenizerOptions {
  /** What splits a text into tokens. */
  readonly tokenizer: Tokenizer;
  /** Id that fills what is left. */
  readonly padId: number;
  /** Id that a text ends with. */
  readonly endId: number;
  /** Ids of every text. */
  readonly maxLength: number;
  /** 1 + the largest id. */
  readonly vocabularySize: number;
  /** Whether the text is taken as lower case. */
  readonly lowercase: boolean;
}

/**
 * Turns texts into token ids as CLIP (arXiv 2103.00020) takes them: byte-level pair encoding of the lower-case text between a
 * start and an end token, cut off and filled up to one length. The ids are those of Python's `CLIPTokenizer`.
 */
export class ClipTokenizer {
  /** Ids of every text: 77 for CLIP. */
  readonly maxLength: number;
  /** 1 + the largest id: the text encoder needs an embedding for each. */
  readonly vocabularySize: number;
  /** The id that fills what is left after the end. */
  readonly padId: number;
  /** The id that a text ends with. */
  readonly endId: number;
  readonly #tokenizer: Tokenizer;
  readonly #lowercase: boolean;

  constructor(options: ClipTokenizerOptions) {
    this.#tokenizer = options.tokenizer;
    this.#lowercase = options.lowercase;
    this.maxLength = options.maxLength;
    this.vocabularySize = options.vocabularySize;
    this.padId = options.padId;
    this.endId = options.endId;
  }

  /**
   * Token ids of a text. One that is too long loses its last words; the end token stays.
   * @throws ArgumentError for what is no text
   */
  encode(text: string): EncodedText {
    if (typeof text !== "string") {
      throw new ArgumentError(`A text is needed, got ${JSON.stringify(text)}.`, "text", text);
    }
    const { maxLength } = this;
    // Of all letters only this one has a lower case that depends on what follows, in JavaScript but not in Python's tokenizer.
    const found = this.#tokenizer.encode(this.#lowercase ? text.replaceAll("Σ", "σ") : text).ids;
    const ids = new Int32Array(maxLength).fill(this.padId);
    ids.set(found.slice(0, maxLength));
    const dropped = Math.max(0, found.length - maxLength);
    if (dropped > 0) {
      ids[maxLength - 1] = this.endId;
    }
    const mask = new Uint8Array(maxLength).fill(1, 0, Math.min(found.length, maxLength));
    return { ids, mask, dropped };
  }
}
