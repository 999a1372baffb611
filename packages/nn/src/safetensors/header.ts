import { FormatError } from "@diffusiongym/core";
import { elementCodecs, isSafetensorsType, type SafetensorsType } from "./element-types.js";

/** Where one tensor lies in a safetensors file. */
export interface TensorEntry {
  readonly name: string;
  readonly type: SafetensorsType;
  readonly shape: readonly number[];
  /** First byte, counted from the end of the header. */
  readonly start: number;
  /** One past the last byte. */
  readonly end: number;
}

/** What the JSON header of a safetensors file says. */
export interface SafetensorsHeader {
  readonly entries: readonly TensorEntry[];
  readonly metadata: Readonly<Record<string, string>>;
  /** Bytes of tensor data behind the header. */
  readonly dataLength: number;
}

/** The key that holds a file's own text fields. */
export const metadataKey = "__metadata__";

/** The format's own limit: no header is larger, so a length beyond it means a file of another kind. */
const largestHeader = 100_000_000;

/** The header's own braces, those of an entry, the brackets of its shape. */
const deepestHeader = 3;

/** Enough for a hundred thousand tensors. */
const mostHeaderParts = 4_000_000;

/** The error of this format, as words about what is wrong. */
export function problem(words: string): FormatError {
  return new FormatError(`Not a readable safetensors file: ${words}.`, "safetensors");
}

/**
 * Length in bytes of the JSON header, from the 8 bytes in front of it.
 * @param bytes the beginning of the file
 * @param size bytes of the whole file, `undefined` when that is not known
 * @throws FormatError when it is beyond the file or beyond what the format allows
 */
export function headerLength(bytes: Uint8Array, size: number | undefined): number {
  if (bytes.byteLength < 8) {
    throw problem(`it has ${bytes.byteLength} bytes and the header's length alone takes 8; it may be truncated`);
  }
  const length = new DataView(bytes.buffer, bytes.byteOffset, 8).getBigUint64(0, true);
  if (length > BigInt(largestHeader)) {
    throw problem(
      `its header claims ${length} bytes and the format allows ${largestHeader}; it may be of another format`,
    );
  }
  if (size !== undefined && Number(length) > size - 8) {
    throw problem(`its header claims ${length} bytes and ${size - 8} follow; it may be truncated`);
  }
  return Number(length);
}

/** Refuses a file that does not hold exactly the tensors of its header. */
export function requireCovered({ dataLength }: SafetensorsHeader, length: number): void {
  if (dataLength !== length) {
    const advice = dataLength > length ? "; it may be truncated" : "";
    throw problem(`its tensors take ${dataLength} bytes and ${length} follow the header${advice}`);
  }
}

/**
 * Reads and checks the JSON header: element types, shapes, and offsets that cover the data exactly, without gaps.
 * @param text the header, UTF-8 already decoded
 * @throws FormatError in words for anything that does not hold together
 */
export function parseHeader(text: string): SafetensorsHeader {
  requireModest(text);
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (error) {
    throw problem(`its header is not JSON (${error instanceof Error ? error.message : String(error)})`);
  }
  if (!isObject(parsed)) {
    throw problem("its header is not a JSON object");
  }
  const repeated = repeatedKey(text);
  if (repeated !== undefined) {
    throw problem(`its header has the key ${JSON.stringify(repeated)} twice`);
  }
  const entries: TensorEntry[] = [];
  let metadata: Record<string, string> = {};
  for (const [name, value] of Object.entries(parsed)) {
    if (name === metadataKey) {
      metadata = parseMetadata(value);
    } else {
      entries.push(parseEntry(name, value));
    }
  }
  return { entries, metadata, dataLength: coveredLength(entries) };
}

/**
 * Refuses text that would take many times its own size in memory once it is parsed. A header is an object of objects of
 * lists: nothing in it is nested deeper, and no entry has more than a handful of parts.
 */
function requireModest(text: string): void {
  let depth = 0;
  let parts = 0;
  const tokens = /"[^"\\]*(?:\\.[^"\\]*)*"|[{}[\],]/g;
  for (let match = tokens.exec(text); match !== null; match = tokens.exec(text)) {
    const token = match[0];
    if (token === "{" || token === "[") {
      depth += 1;
    } else if (token === "}" || token === "]") {
      depth -= 1;
    }
    parts += 1;
    if (depth > deepestHeader || parts > mostHeaderParts) {
      throw problem(
        depth > deepestHeader
          ? "its header is nested deeper than a header can be"
          : `its header has more than ${mostHeaderParts} parts`,
      );
    }
  }
}

function parseMetadata(value: unknown): Record<string, string> {
  if (!isObject(value) || Object.values(value).some((field) => typeof field !== "string")) {
    throw problem(`its ${metadataKey} is not an object of strings`);
  }
  return value as Record<string, string>;
}

function parseEntry(name: string, value: unknown): TensorEntry {
  const quoted = JSON.stringify(name);
  if (!isObject(value)) {
    throw problem(`the entry of tensor ${quoted} is not an object`);
  }
  const { dtype: type, shape, data_offsets: offsets } = value;
  if (!isSafetensorsType(type)) {
    throw problem(
      `tensor ${quoted} has the element type ${JSON.stringify(type)}, which is not one of ${Object.keys(elementCodecs).join(", ")}`,
    );
  }
  if (!isCountArray(shape)) {
    throw problem(`the shape of tensor ${quoted} is ${JSON.stringify(shape)}, not a list of whole numbers`);
  }
  if (!isCountArray(offsets) || offsets.length !== 2 || offsets[0]! > offsets[1]!) {
    throw problem(`the data_offsets of tensor ${quoted} are ${JSON.stringify(offsets)}, not [start, end]`);
  }
  const [start, end] = offsets as [number, number];
  const needed = shape.reduce((product, axis) => product * axis, elementCodecs[type].bytes);
  if (needed !== end - start) {
    throw problem(
      `tensor ${quoted} of shape [${shape.join(", ")}] in ${type} needs ${needed} bytes and has ${end - start}`,
    );
  }
  return { name, type, shape, start, end };
}

/** Bytes that the tensors cover together, when they lie one behind the other from 0 on. */
function coveredLength(entries: readonly TensorEntry[]): number {
  let covered = 0;
  for (const { name, start, end } of [...entries].sort((a, b) => a.start - b.start || a.end - b.end)) {
    if (start !== covered) {
      const fault = start < covered ? "overlaps the tensor before it" : "leaves a gap before it";
      throw problem(`tensor ${JSON.stringify(name)} starts at byte ${start}, which ${fault} (expected ${covered})`);
    }
    covered = end;
  }
  return covered;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isCountArray(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((axis) => Number.isSafeInteger(axis) && axis >= 0);
}

/** A key that one object of a valid JSON text holds twice. JSON.parse would keep the last of them without a word. */
function repeatedKey(text: string): string | undefined {
  const tokens = /"[^"\\]*(?:\\.[^"\\]*)*"(\s*:)?|[{}]/g;
  const open: Set<string>[] = [];
  for (const [token, colon] of text.matchAll(tokens)) {
    if (token === "{") {
      open.push(new Set());
    } else if (token === "}") {
      open.pop();
    } else if (colon !== undefined) {
      const key = JSON.parse(token.slice(0, -colon.length)) as string;
      const keys = open[open.length - 1]!;
      if (keys.has(key)) {
        return key;
      }
      keys.add(key);
    }
  }
  return undefined;
}
