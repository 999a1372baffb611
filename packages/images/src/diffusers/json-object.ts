import { FormatError } from "@diffusiongym/core";

/** A JSON object whose fields are looked at one by one. */
export type JsonObject = { readonly [name: string]: unknown };

/**
 * Parses a file that must hold a JSON object.
 * @param file its name, for messages
 * @throws FormatError
 */
export function parseObject(text: string, file: string): JsonObject {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new FormatError(`${file} is no JSON (${(cause as Error).message}).`, "diffusers config", file);
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new FormatError(
      `${file} holds ${JSON.stringify(value)} where an object is needed.`,
      "diffusers config",
      file,
    );
  }
  return value as JsonObject;
}
