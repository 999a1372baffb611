import { nearestName } from "@diffusiongym/core";
import { UsageError } from "./usage-error.js";

/** One option of a command. */
export interface Option<T> {
  /** One line for the help. */
  readonly description: string;
  /** What stands for the value in the help, in capitals; absent for a flag. */
  readonly placeholder?: string;
  /** One letter. */
  readonly short?: string;
  /** The default, as the help shows it. */
  readonly shownDefault?: string;
  /** May be given several times. */
  readonly many?: boolean;
  /** Value of the option from all its occurrences, in order; a flag's are empty. */
  read(texts: readonly string[], name: string): T;
}

/** Options of a command by name, without the dashes. */
// biome-ignore lint/suspicious/noExplicitAny: each option has a type of its own, which `Values` recovers
export type Options = { readonly [name: string]: Option<any> };

/** What the options of a command hold after parsing. */
export type Values<O extends Options> = { readonly [Name in keyof O]: O[Name] extends Option<infer T> ? T : never };

/** What every kind of option may say. */
export interface OptionTexts {
  readonly description: string;
  readonly placeholder?: string;
  readonly short?: string;
  /** @default the default itself */
  readonly shownDefault?: string;
}

/** True when given. */
export function flag(description: string, short?: string): Option<boolean> {
  return { description, ...(short === undefined ? {} : { short }), read: (texts) => texts.length > 0 };
}

/** A text, or undefined. */
export function text(texts: OptionTexts): Option<string | undefined> {
  return { placeholder: "TEXT", ...texts, read: (given) => given.at(-1) };
}

/** Texts; the option may be given several times. */
export function textList(texts: OptionTexts): Option<readonly string[]> {
  return { placeholder: "TEXT", ...texts, many: true, read: (given) => given };
}

/** One of a few words. */
export function choice<T extends string>(words: readonly T[], initial: T, description: string): Option<T> {
  return {
    description,
    placeholder: words.join("|"),
    shownDefault: initial,
    read(given, name) {
      const word = given.at(-1) ?? initial;
      if (!words.includes(word as T)) {
        const nearest = nearestName(word, words);
        throw new UsageError(
          `--${name} ${word}: ${nearest === undefined ? "" : `did you mean "${nearest}"? `}It is one of ${words.join(", ")}.`,
        );
      }
      return word as T;
    },
  };
}

/** A whole number within bounds. */
export function integer<I extends number | undefined>(
  initial: I,
  bounds: { readonly least: number; readonly most?: number },
  texts: OptionTexts,
): Option<number | I> {
  const { least, most = Number.MAX_SAFE_INTEGER } = bounds;
  const range = most === Number.MAX_SAFE_INTEGER ? `from ${least} on` : `from ${least} to ${most}`;
  return numeric(
    initial,
    `a whole number ${range}`,
    texts,
    (value) => Number.isSafeInteger(value) && value >= least && value <= most,
  );
}

/** A finite number. */
export function number<I extends number | undefined>(
  initial: I,
  texts: OptionTexts & { readonly positive?: boolean },
): Option<number | I> {
  const { positive = false, ...rest } = texts;
  return numeric(
    initial,
    positive ? "a number above 0" : "a finite number",
    rest,
    (value) => Number.isFinite(value) && (!positive || value > 0),
  );
}

function numeric<I extends number | undefined>(
  initial: I,
  what: string,
  texts: OptionTexts,
  accepts: (value: number) => boolean,
): Option<number | I> {
  return {
    placeholder: "NUMBER",
    ...(initial === undefined ? {} : { shownDefault: String(initial) }),
    ...texts,
    read(given, name) {
      const last = given.at(-1);
      if (last === undefined) {
        return initial;
      }
      const value = last.trim() === "" ? Number.NaN : Number(last);
      if (!accepts(value)) {
        throw new UsageError(`--${name} ${last}: this must be ${what}.`);
      }
      return value;
    },
  };
}
