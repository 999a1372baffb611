import { parseArgs } from "node:util";
import { nearestName } from "@diffusiongym/core";
import type { Options, Values } from "./option.js";
import { UsageError } from "./usage-error.js";

/** Options for a base model or a reward as they were typed: `--model.means "[0, 3]"` is { means: [0, 3] }. */
export type PartOptions = Readonly<Record<string, unknown>>;

/** What was typed, read. */
export interface ParsedArguments<O extends Options> {
  readonly positionals: readonly string[];
  readonly values: Values<O>;
  /** From `--model.NAME VALUE`. */
  readonly model: PartOptions;
  /** From `--reward.NAME VALUE`. */
  readonly reward: PartOptions;
}

const partOption = /^--((?:model|reward)\.[^=]+)/;

/**
 * Reads a command's arguments.
 * @param options the options that the command knows
 * @param args what follows the command's name
 * @param acceptsParts whether `--model.NAME` and `--reward.NAME` mean something
 * @throws UsageError for an unknown option, with the nearest; a missing value; or a value that its option refuses
 */
export function parseArguments<O extends Options>(
  options: O,
  args: readonly string[],
  acceptsParts: boolean,
): ParsedArguments<O> {
  const parts = acceptsParts ? args.flatMap((arg) => partOption.exec(arg)?.[1] ?? []) : [];
  const { tokens } = parseArgs({
    args: [...args],
    options: {
      ...Object.fromEntries(Object.entries(options).map(([name, option]) => [name, declaration(option)])),
      ...Object.fromEntries(parts.map((name) => [name, { type: "string" as const }])),
    },
    // Strict parsing would refuse negative numbers as values, and could not suggest the nearest option.
    strict: false,
    tokens: true,
  });
  const positionals: string[] = [];
  const given = new Map<string, string[]>();
  for (const token of tokens) {
    if (token.kind === "positional") {
      positionals.push(token.value);
    } else if (token.kind === "option") {
      if (!Object.hasOwn(options, token.name) && !parts.includes(token.name)) {
        throw unknownOption(token.rawName, options, acceptsParts);
      }
      const takesValue = options[token.name]?.placeholder !== undefined || parts.includes(token.name);
      checkValue(token.rawName, token.value, takesValue, options);
      given.set(token.name, [...(given.get(token.name) ?? []), token.value ?? ""]);
    }
  }
  const values = Object.entries(options).map(([name, option]) => [name, option.read(given.get(name) ?? [], name)]);
  const of = (prefix: string): PartOptions =>
    Object.fromEntries(
      Array.from(given)
        .filter(([name]) => parts.includes(name) && name.startsWith(prefix))
        .map(([name, texts]) => [name.slice(prefix.length), jsonOrText(texts.at(-1)!)]),
    );
  return {
    positionals,
    values: Object.fromEntries(values) as Values<O>,
    model: of("model."),
    reward: of("reward."),
  };
}

function declaration({ placeholder, short }: Options[string]): { type: "string" | "boolean"; short?: string } {
  return { type: placeholder === undefined ? "boolean" : "string", ...(short === undefined ? {} : { short }) };
}

function checkValue(rawName: string, value: string | undefined, takesValue: boolean, options: Options): void {
  if (!takesValue && value !== undefined) {
    throw new UsageError(`${rawName} takes no value, but "${value}" was given.`);
  }
  // A value such as --jsno is a forgotten value rather than a text; -1 and -x are values.
  const looksLikeOption =
    value !== undefined &&
    (/^--\w/.test(value) || Object.values(options).some(({ short }) => short && value === `-${short}`));
  if (takesValue && (value === undefined || looksLikeOption)) {
    throw new UsageError(`${rawName} needs a value${looksLikeOption ? `, but "${value}" follows` : ""}.`);
  }
}

function unknownOption(rawName: string, options: Options, acceptsParts: boolean): UsageError {
  const names = [
    ...Object.keys(options).map((name) => `--${name}`),
    ...(acceptsParts ? ["--model.NAME", "--reward.NAME"] : []),
  ];
  const nearest = nearestName(rawName.replace(/\..*/, ".NAME"), names);
  return new UsageError(`There is no option ${rawName}.${nearest === undefined ? "" : ` Did you mean ${nearest}?`}`);
}

function jsonOrText(value: string): unknown {
  try {
    return JSON.parse(value) as unknown;
  } catch {
    return value;
  }
}
