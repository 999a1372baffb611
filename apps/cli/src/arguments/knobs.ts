import { nearestName } from "@diffusiongym/core";
import type { Knob, Knobs, KnobValues } from "@diffusiongym/methods";
import { flag, type Option, type Options } from "./option.js";
import { UsageError } from "./usage-error.js";

/** Name of a knob's option: `batchSize` is `batch-size`; one that is on by itself is switched off, by `no-look-ahead`. */
export function optionName(knob: string, { kind, default: initial }: Knob): string {
  const dashed = knob.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
  return kind === "boolean" && initial === true ? `no-${dashed}` : dashed;
}

/** The knobs of a method as options of a command. */
export function knobOptions(knobs: Knobs): Options {
  return Object.fromEntries(Object.entries(knobs).map(([name, knob]) => [optionName(name, knob), optionOf(knob)]));
}

/** Values of the knobs that were given. */
export function knobsGiven(knobs: Knobs, values: { readonly [option: string]: unknown }): KnobValues {
  const given = Object.entries(knobs).flatMap(([name, knob]) => {
    const value = values[optionName(name, knob)] as KnobValues[string] | undefined;
    if (knob.kind === "boolean" && typeof knob.default === "boolean") {
      return value === true ? [[name, !knob.default] as const] : [];
    }
    return value === undefined ? [] : [[name, value] as const];
  });
  return Object.fromEntries(given);
}

function optionOf(knob: Knob): Option<unknown> {
  const { kind, description, default: initial, shownDefault, words = [] } = knob;
  if (kind === "boolean" && typeof initial === "boolean") {
    return flag(initial ? `Do not: ${description.charAt(0).toLowerCase()}${description.slice(1)}` : description);
  }
  const shown = shownDefault ?? (initial === undefined ? undefined : String(initial));
  return {
    description,
    placeholder: placeholderOf(kind, words),
    ...(shown === undefined ? {} : { shownDefault: shown }),
    read(texts, name) {
      const text = texts.at(-1);
      return text === undefined ? undefined : meaningOf(knob, text, name);
    },
  };
}

function placeholderOf(kind: Knob["kind"], words: readonly string[]): string {
  switch (kind) {
    case "boolean":
      return "true|false";
    case "choice":
      return words.join("|");
    case "range":
      return "FROM,TO";
    default:
      return ["NUMBER", ...words].join("|");
  }
}

/** The value that a text means. */
function meaningOf(knob: Knob, text: string, name: string): KnobValues[string] {
  const { kind, words = [] } = knob;
  if (kind === "boolean" && (text === "true" || text === "false")) {
    return text === "true";
  }
  if (words.includes(text)) {
    return text;
  }
  if (kind === "range") {
    const ends = text.split(",").map(numberOf);
    if (ends.length === 2 && ends[0]! >= 0 && ends[0]! <= ends[1]! && ends[1]! <= 1) {
      return ends;
    }
  }
  const value = numberOf(text);
  const { least = Number.NEGATIVE_INFINITY, positive = false } = knob;
  const isNumber = kind === "number" || (kind === "integer" && Number.isSafeInteger(value));
  if (isNumber && Number.isFinite(value) && value >= least && (!positive || value > 0)) {
    return value;
  }
  const nearest = nearestName(text, words);
  throw new UsageError(
    `--${name} ${text}: ${nearest === undefined ? "" : `did you mean "${nearest}"? `}This must be ${wanted(knob)}.`,
  );
}

function numberOf(text: string): number {
  return text.trim() === "" ? Number.NaN : Number(text);
}

function wanted({ kind, words = [], least, positive = false }: Knob): string {
  const or = words.length === 0 ? "" : ` or ${words.join(" or ")}`;
  switch (kind) {
    case "boolean":
      return "true or false";
    case "choice":
      return `one of ${words.join(", ")}`;
    case "range":
      return "two times between 0 and 1, such as 0.1,0.9";
    case "integer":
      return `a whole number from ${least ?? 1} on${or}`;
    default:
      return `${positive ? "a number above 0" : least === undefined ? "a finite number" : `a number from ${least} on`}${or}`;
  }
}
