import type { EntryMessage } from "./messages.js";
import { damaged } from "./problems.js";

/** Where the entries of a tensor lie in a file beside the model. */
export interface ExternalPlace {
  /** Path relative to the model, with forward slashes; never leads out of the model's folder. */
  readonly location: string;
  /** First byte. */
  readonly offset: number;
  /** Number of bytes. */
  readonly length: number;
}

/** What the external data of a tensor say, checked. */
export function externalPlace(entries: readonly EntryMessage[], byteLength: number, what: string): ExternalPlace {
  const fields = new Map(entries.map(({ key, value }) => [key, value]));
  const location = fields.get("location");
  if (location === undefined) {
    return damaged(`${what} is stored in another file, which it does not name`);
  }
  return {
    location: requireInside(location, what),
    offset: count(fields.get("offset") ?? "0", "offset", what),
    length: count(fields.get("length") ?? String(byteLength), "length", what),
  };
}

function count(text: string, key: string, what: string): number {
  const value = Number(text);
  return /^\d+$/.test(text) && Number.isSafeInteger(value)
    ? value
    : damaged(`${what} is stored in another file at the ${key} "${text}", which is not a whole number`);
}

/** A model must not make its reader open files elsewhere: only names below its own folder are followed. */
function requireInside(location: string, what: string): string {
  const parts = location.split("/").filter((part, i) => part !== "." || i > 0);
  const leadsOut =
    location === "" ||
    [...location].some((character) => character < " " || character === "\\" || character === ":") ||
    parts.some((part) => part === "" || part === "." || part === "..");
  return leadsOut
    ? damaged(`${what} is stored in "${location}", which is not a file in the model's own folder`)
    : parts.join("/");
}
