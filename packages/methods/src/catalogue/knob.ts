import type { Json } from "../method/index.js";

/** One setting of a method, as data: what a command line, a config file or a form needs to offer it. */
export interface Knob {
  /**
   * `"integer"` and `"number"` may also take one of `words`; `"choice"` is one of `words`; `"range"` is two increasing numbers, least
   * first, in [0, 1].
   */
  readonly kind: "integer" | "number" | "boolean" | "choice" | "range";
  /** One line: what it does. */
  readonly description: string;
  /** The method's own default; undefined where that depends on other settings or is "none". */
  readonly default?: Json;
  /** The default in words, where it is no single value. */
  readonly shownDefault?: string;
  /** Least value of a number, itself included. */
  readonly least?: number;
  /** The number must be above 0. */
  readonly positive?: boolean;
  readonly words?: readonly string[];
}

/** The knobs of a method by the name of its option. */
export type Knobs = { readonly [name: string]: Knob };

/** Values for some of a method's knobs. */
export type KnobValues = { readonly [name: string]: Json };

/** A whole number. */
export function integer(description: string, initial: number | undefined, rest: Partial<Knob> = {}): Knob {
  return { kind: "integer", description, least: 1, ...(initial === undefined ? {} : { default: initial }), ...rest };
}

/** A finite number. */
export function number(description: string, initial: number | undefined, rest: Partial<Knob> = {}): Knob {
  return { kind: "number", description, ...(initial === undefined ? {} : { default: initial }), ...rest };
}

/** One of some words. */
export function choice(description: string, words: readonly string[], initial: string | undefined, rest = {}): Knob {
  return { kind: "choice", description, words, ...(initial === undefined ? {} : { default: initial }), ...rest };
}

/** Yes or no. */
export function boolean(description: string, initial: boolean | undefined, rest: Partial<Knob> = {}): Knob {
  return { kind: "boolean", description, ...(initial === undefined ? {} : { default: initial }), ...rest };
}

/** Two times. */
export function timeRange(description: string, low: number, high: number, rest: Partial<Knob> = {}): Knob {
  return { kind: "range", description, default: [low, high], ...rest };
}
