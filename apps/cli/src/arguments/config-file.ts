import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { nearestName } from "@diffusiongym/core";
import { parseYaml } from "./config-yaml.js";
import type { Options } from "./option.js";
import { UsageError } from "./usage-error.js";

/** The settings of a file, as they were read. */
export interface ConfigFile {
  readonly path: string;
  readonly settings: Readonly<Record<string, unknown>>;
}

/**
 * Reads a file of settings: YAML where its name ends in .yaml or .yml, else JSON.
 * @throws UsageError when there is none, or it holds no object
 */
export async function readConfigFile(path: string, folder: string): Promise<ConfigFile> {
  const where = `--config ${path}`;
  let text: string;
  try {
    text = await readFile(resolve(folder, path), "utf8");
  } catch (error) {
    throw new UsageError(`${where}: the file cannot be read (${(error as NodeJS.ErrnoException).code}).`);
  }
  const isYaml = /\.ya?ml$/i.test(path);
  const settings = isYaml ? await parseYaml(text, where) : parseJson(text, where);
  if (typeof settings !== "object" || settings === null || Array.isArray(settings)) {
    const needed = isYaml
      ? "a mapping of settings is needed, such as iterations: 400"
      : 'a JSON object is needed, such as {"iterations": 400}';
    throw new UsageError(`${where}: ${needed}.`);
  }
  return { path, settings: settings as Record<string, unknown> };
}

function parseJson(text: string, where: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    const { message } = error as SyntaxError;
    const position = message.endsWith("Unexpected end of JSON input")
      ? text.length
      : / at position (\d+)/.exec(message)?.[1];
    const before = text.slice(0, Number(position ?? 0)).split("\n");
    const place = position === undefined ? "" : `line ${before.length}, column ${before.at(-1)!.length + 1}: `;
    throw new UsageError(`${where}: this is not JSON: ${place}${message}`);
  }
}

/**
 * The settings as arguments, which go before those that were typed, so that these win. A setting is named as its option in camel
 * case: `batchSize` is `--batch-size`, `"lookAhead": false` is `--no-look-ahead`. `model` and `reward` hold objects of their options.
 * @throws UsageError for a key that no option has, with the nearest; or a value that its option refuses
 */
export function configArguments({ path, settings }: ConfigFile, options: Options): string[] {
  const byKey = new Map(Object.keys(options).map((name) => [keyOf(name), name]));
  const keys = [...byKey.keys(), "model", "reward"];
  return Object.entries(settings).flatMap(([key, value]) => {
    if (key === "model" || key === "reward") {
      return partArguments(path, key, value);
    }
    const name = byKey.get(key);
    if (name === undefined) {
      const nearest = nearestName(key, keys);
      throw new UsageError(
        `${path}: there is no setting "${key}".${nearest === undefined ? "" : ` Did you mean "${nearest}"?`} Settings: ${keys.join(", ")}.`,
      );
    }
    return settingArguments({ path, key, value, name, option: options[name]! });
  });
}

/** `batch-size` is `batchSize`, `no-look-ahead` is `lookAhead`. */
function keyOf(name: string): string {
  return name.replace(/^no-/, "").replaceAll(/-(\w)/g, (_, letter: string) => letter.toUpperCase());
}

interface Setting {
  readonly path: string;
  readonly key: string;
  readonly value: unknown;
  readonly name: string;
  readonly option: Options[string];
}

function settingArguments({ path, key, value, name, option }: Setting): string[] {
  const refuse = (what: string): UsageError =>
    new UsageError(`${path}: "${key}" must be ${what}, but it is ${shown(value)}.`);
  const { placeholder } = option;
  if (placeholder === undefined) {
    if (typeof value !== "boolean") {
      throw refuse("true or false");
    }
    return value === name.startsWith("no-") ? [] : [`--${name}`];
  }
  const isText = typeof value === "string" && placeholder !== "NUMBER";
  const isTruth = typeof value === "boolean" && placeholder === "true|false";
  const isNumber = typeof value === "number" && placeholder.startsWith("NUMBER");
  const isList =
    ["GRID", "FROM,TO"].includes(placeholder) && Array.isArray(value) && value.every((x) => typeof x === "number");
  if (!isText && !isTruth && !isNumber && !isList) {
    throw refuse(placeholder === "NUMBER" ? "a number" : `what --${name} takes (${placeholder})`);
  }
  const text = String(value);
  try {
    option.read([text], name);
  } catch (error) {
    throw error instanceof UsageError ? new UsageError(`${path}: "${key}": ${error.message}`) : error;
  }
  return [`--${name}=${text}`];
}

function partArguments(path: string, key: string, value: unknown): string[] {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new UsageError(`${path}: "${key}" must be an object of the ${key}'s options, but it is ${shown(value)}.`);
  }
  return Object.entries(value).map(([name, option]) => {
    if (shown(option) !== JSON.stringify(option)) {
      throw new UsageError(
        `${path}: "${key}.${name}" is ${shown(option)}, which JSON cannot say; numbers must be finite.`,
      );
    }
    return `--${key}.${name}=${JSON.stringify(option)}`;
  });
}

/** A value as JSON, with the numbers of YAML that JSON has no word for. */
function shown(value: unknown): string {
  return JSON.stringify(value, (_, part: unknown) =>
    typeof part === "number" && !Number.isFinite(part) ? String(part) : part,
  );
}
