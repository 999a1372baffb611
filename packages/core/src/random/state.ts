import { ArgumentError } from "../errors/index.js";
import { requireWord } from "./checks.js";

/** Blocks of one stream, 2^32. */
export const STREAM_BLOCKS = 0x1_0000_0000;

/** What is left over of the last block: nothing, its second word, or its second normal. */
export type Spare = "none" | "word" | "normal";

/** A stream's whole state, plain JSON. */
export interface RandomState {
  /** The key's two words. */
  readonly key: readonly [number, number];
  /** The sample. */
  readonly index: number;
  /** Number of blocks that were started; the next one has this position. */
  readonly position: number;
  /** What is left over of block `position - 1`. */
  readonly spare: Spare;
}

/** @throws ArgumentError unless `state` is one that a stream can have */
export function requireState(state: RandomState): void {
  const where = "RandomStream.fromState";
  if (typeof state !== "object" || state === null) {
    throw new ArgumentError(
      `${where}: needs an object as RandomStream.state gives, got ${String(state)}.`,
      "state",
      state,
    );
  }
  const { key, index, position, spare } = state;
  if (!Array.isArray(key) || key.length !== 2) {
    throw new ArgumentError(`${where}: key must be two words, got ${JSON.stringify(key)}.`, "key", key);
  }
  requireWord(where, "key[0]", key[0]);
  requireWord(where, "key[1]", key[1]);
  requireWord(where, "index", index);
  if (!Number.isInteger(position) || position < 0 || position > STREAM_BLOCKS) {
    throw new ArgumentError(
      `${where}: position must be a whole number from 0 to 2^32, got ${String(position)}.`,
      "position",
      position,
    );
  }
  if (!["none", "word", "normal"].includes(spare) || (spare !== "none" && position === 0)) {
    throw new ArgumentError(
      `${where}: spare must be "none", "word" or "normal", and "none" at position 0; got "${String(spare)}" at ${position}.`,
      "spare",
      spare,
    );
  }
}
