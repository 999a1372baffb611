import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { nearestName } from "@diffusiongym/core";
import type { Options } from "./option.js";
import { UsageError } from "./usage-error.js";

/** The settings of a JSON file, as they were read. */
export interface ConfigFile {
  readonly path: string;
  readonly settings: Readonly<Record<string, unknown>>;
}

/**
 * Reads a JSON file of settings.
 * @throws UsageError when there is none, or it holds no JSON object
 */
export async function readConfigFile(path: string, folder: string): Promise<ConfigFile> {
  let text: string;
  try {
    text = await readFile(resolve(folder, path), "utf8");
  } catch (error) {
    throw new UsageError(`--config ${path}: the file cannot be read (${(error as NodeJS.ErrnoException).code}).`);
  }
  let settings: unknown;
  try {
    settings = JSON.parse(text);
  } catch (error) {
    throw new UsageError(`--config ${path}: this is not JSON: ${(error as Error).message}`);
  }
  if (typeof settings !== "object" || settings === null || Array.isArray(settings)) {
    throw new UsageError(`--config ${path}: a JSON object is needed, such as {"iterations": 400}.`);
  }
  return { path, settings: settings as Record<string, unknown> };
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
    new UsageError(`${path}: "${key}" must be ${what}, but it is ${JSON.stringify(value)}.`);
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
    throw new UsageError(
      `${path}: "${key}" must be an object of the ${key}'s options, but it is ${JSON.stringify(value)}.`,
    );
  }
  return Object.entries(value).map(([name, option]) => `--${key}.${name}=${JSON.stringify(option)}`);
}
