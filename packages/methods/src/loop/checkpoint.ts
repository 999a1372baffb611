import { isErrorNamed } from "@diffusiongym/core";
import { readSafetensors, type SafetensorsTensor, writeSafetensors } from "@diffusiongym/nn";
import { CheckpointError, fingerprint, type Json, type Method, type MethodState } from "../method/index.js";

const format = "diffusiongym-checkpoint";
const version = "1";

/**
 * A method's state as one safetensors file: its arrays are the tensors, everything else is JSON in the metadata, together
 * with what the run is, and fingerprints of that and of the whole content.
 */
export function encodeCheckpoint(method: Method): Uint8Array {
  const { iteration, arrays, values } = method.state();
  const run = canonicalJson({ method: method.name, ...method.describe() });
  const tensors = Array.from(arrays, ([name, data]) => [name, { data, shape: [data.length] }] as const);
  const content = { run, run_hash: fingerprint(run), iteration: String(iteration), values: JSON.stringify(values) };
  return writeSafetensors(tensors, {
    format,
    version,
    ...content,
    content_hash: fingerprint({ ...content, arrays }),
  });
}

/**
 * Puts a checkpoint back into a method of the same run.
 * @param path where the bytes came from, for messages
 * @throws CheckpointError when the file is damaged, no checkpoint, of a later version, or of another run
 */
export function restoreCheckpoint(method: Method, bytes: Uint8Array, path: string): void {
  const { tensors, metadata } = decode(bytes, path);
  if (metadata.format !== format) {
    throw new CheckpointError(
      `${path} is a safetensors file but no checkpoint of diffusiongym. Choose another folder.`,
      path,
    );
  }
  if (metadata.version !== version) {
    throw new CheckpointError(
      `${path} is a checkpoint of version ${metadata.version}; this package reads version ${version}. Update diffusiongym.`,
      path,
    );
  }
  const { run = "", run_hash = "", iteration = "", values = "" } = metadata;
  const arrays = new Map(Array.from(tensors, ([name, { data }]) => [name, data as Float32Array]));
  if (metadata.content_hash !== fingerprint({ run, run_hash, iteration, values, arrays })) {
    throw new CheckpointError(
      `${path} is damaged: its content does not match its hash. Delete it to start again.`,
      path,
    );
  }
  const own = canonicalJson({ method: method.name, ...method.describe() });
  if (run !== own) {
    throw new CheckpointError(
      `${path} belongs to another run: ${differences(run, own)}. Give the same settings to continue it, or another folder to start anew.`,
      path,
    );
  }
  const state: MethodState = {
    iteration: Number(iteration),
    arrays,
    values: JSON.parse(values) as { [name: string]: Json },
  };
  try {
    method.restore(state);
  } catch (error) {
    throw new CheckpointError(
      `${path} does not fit this run: ${error instanceof Error ? error.message : String(error)}`,
      path,
    );
  }
}

function decode(
  bytes: Uint8Array,
  path: string,
): { tensors: ReadonlyMap<string, SafetensorsTensor>; metadata: Readonly<Record<string, string>> } {
  try {
    return readSafetensors(bytes);
  } catch (error) {
    if (isErrorNamed(error, "FormatError")) {
      throw new CheckpointError(`${path} is no intact checkpoint: ${error.message} Delete it to start again.`, path);
    }
    throw error;
  }
}

/** JSON with sorted keys, so that equal descriptions give equal text. */
export function canonicalJson(value: Json): string {
  if (Array.isArray(value)) {
    return `[${value.map((entry: Json) => canonicalJson(entry)).join(",")}]`;
  }
  if (typeof value === "object" && value !== null) {
    const entries = Object.entries(value as { [name: string]: Json })
      .filter(([, entry]) => entry !== undefined)
      .sort(([a], [b]) => (a < b ? -1 : 1));
    return `{${entries.map(([name, entry]) => `${JSON.stringify(name)}:${canonicalJson(entry)}`).join(",")}}`;
  }
  return JSON.stringify(value);
}

/** The settings in which two runs differ, at the top level of their descriptions. */
function differences(stored: string, own: string): string {
  const [a, b] = [stored, own].map((text) => JSON.parse(text) as Record<string, Json>) as [
    Record<string, Json>,
    Record<string, Json>,
  ];
  const names = [...new Set([...Object.keys(a), ...Object.keys(b)])];
  const show = (value: Json | undefined): string => (value === undefined ? "absent" : canonicalJson(value));
  return names
    .filter((name) => show(a[name]) !== show(b[name]))
    .map((name) => `${name} is ${show(a[name])} there and ${show(b[name])} here`)
    .join("; ");
}
