import { isErrorNamed } from "@diffusiongym/core";
import { readSafetensors, type SafetensorsTensor, writeSafetensors } from "@diffusiongym/nn";
import { CheckpointError, type Json, type Method, type MethodState } from "../method/index.js";

const format = "diffusiongym-checkpoint";
const version = "1";

/**
 * A method's state as one safetensors file: its arrays are the tensors, everything else is JSON in the metadata,
 * together with what the run is and a hash of that.
 */
export async function encodeCheckpoint(method: Method): Promise<Uint8Array> {
  const { iteration, arrays, values } = method.state();
  const run = canonicalJson({ method: method.name, ...method.describe() });
  const tensors = Array.from(arrays, ([name, data]) => [name, { data, shape: [data.length] }] as const);
  return writeSafetensors(tensors, {
    format,
    version,
    run,
    run_hash: await sha256(run),
    iteration: String(iteration),
    values: JSON.stringify(values),
  });
}

/**
 * Puts a checkpoint back into a method of the same run.
 * @param path where the bytes came from, for messages
 * @throws CheckpointError when the file is damaged, no checkpoint, of a later version, or of another run
 */
export async function restoreCheckpoint(method: Method, bytes: Uint8Array, path: string): Promise<void> {
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
  const run = metadata.run ?? "";
  const own = canonicalJson({ method: method.name, ...method.describe() });
  if (metadata.run_hash !== (await sha256(run))) {
    throw new CheckpointError(
      `${path} is damaged: its description does not match its hash. Delete it to start again.`,
      path,
    );
  }
  if (run !== own) {
    throw new CheckpointError(
      `${path} belongs to another run: ${differences(run, own)}. Give the same settings to continue it, or another folder to start anew.`,
      path,
    );
  }
  const state: MethodState = {
    iteration: Number(metadata.iteration),
    arrays: new Map(Array.from(tensors, ([name, { data }]) => [name, data as Float32Array])),
    values: JSON.parse(metadata.values ?? "{}") as { [name: string]: Json },
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

async function sha256(text: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, "0")).join("");
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
