import { ArgumentError, nearestName } from "@diffusiongym/core";

/**
 * Checks an option that is one of a few words, for callers whose types do not.
 * @throws ArgumentError listing the words, with the nearest
 */
export function requireOneOf(name: string, value: string, words: readonly string[]): void {
  if (!words.includes(value)) {
    const nearest = nearestName(String(value), words);
    throw new ArgumentError(
      `${name} must be ${words.map((word) => `"${word}"`).join(" or ")}, got ${JSON.stringify(value)}.` +
        (nearest === undefined ? "" : ` Did you mean "${nearest}"?`),
      name,
      value,
    );
  }
}
