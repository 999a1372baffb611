import { ArgumentError, throwIfAborted } from "@diffusiongym/core";
import { type ByteSource, blobSource, memorySource } from "./byte-source.js";
import { fileError } from "./file-error.js";
import { hasFiles, pathSource, requireFileSystem } from "./path-source.js";
import { UrlSource } from "./url-source.js";

/**
 * Where bytes come from: a path (in Node), a URL (`https:`, `file:`, `blob:`, `data:`; in browsers also relative to the page), a
 * Blob or File, or the bytes themselves.
 */
export type FileSource = string | URL | Blob | Uint8Array | ArrayBuffer;

/** A source as it was understood. */
type Place =
  | { readonly kind: "path"; readonly path: string }
  | { readonly kind: "url"; readonly address: string }
  | { readonly kind: "blob"; readonly blob: Blob }
  | { readonly kind: "bytes"; readonly bytes: Uint8Array };

/**
 * Opens a source.
 * @throws FileError when there is nothing; ArgumentError when it is no source
 */
export async function openSource(source: FileSource, signal?: AbortSignal): Promise<ByteSource> {
  const place = await locate(source);
  switch (place.kind) {
    case "path":
      return pathSource(place.path, signal);
    case "url": {
      if (!isOnServer(place.address)) {
        return blobSource(shortened(place.address), await fetchBlob(place.address, signal));
      }
      const opened = new UrlSource(place.address, signal);
      await opened.open();
      return opened;
    }
    case "blob":
      return blobSource(nameOf(place.blob), place.blob);
    case "bytes":
      return memorySource("the bytes that were given", place.bytes);
  }
}

/**
 * The file of a relative name beside a source, `undefined` when the source is in no folder (bytes, a Blob).
 * @param location with forward slashes, checked not to lead out of the folder
 */
export async function besideSource(source: FileSource, location: string): Promise<FileSource | undefined> {
  const place = await locate(source);
  if (place.kind === "path") {
    const { path } = await requireFileSystem(place.path);
    return path.join(path.dirname(place.path), ...location.split("/"));
  }
  if (place.kind !== "url" || !isOnServer(place.address)) {
    return undefined;
  }
  const beside = new URL(location.split("/").map(encodeURIComponent).join("/"), place.address);
  // Access tokens and versions that are in the model's address belong to the folder as well.
  beside.search = new URL(place.address).search;
  return beside;
}

async function locate(source: FileSource): Promise<Place> {
  if (source instanceof Uint8Array) {
    return { kind: "bytes", bytes: source };
  }
  if (source instanceof ArrayBuffer) {
    return { kind: "bytes", bytes: new Uint8Array(source) };
  }
  if (source instanceof Blob) {
    return { kind: "blob", blob: source };
  }
  if (!(source instanceof URL) && typeof source !== "string") {
    throw new ArgumentError(
      `A file is given by a path, a URL, a Blob or its bytes; ${source === null ? "null" : typeof source} was given.`,
      "source",
      source,
    );
  }
  const text = String(source);
  if (/^file:/i.test(text)) {
    const { url } = await requireFileSystem(text);
    try {
      return { kind: "path", path: url.fileURLToPath(text) };
    } catch (error) {
      throw new ArgumentError(`"${text}" is not the URL of a file (${(error as Error).message}).`, "source", text);
    }
  }
  if (/^(https?|blob|data):/i.test(text)) {
    return { kind: "url", address: text };
  }
  const page = hasFiles ? undefined : globalThis.location?.href;
  return page === undefined ? { kind: "path", path: text } : { kind: "url", address: new URL(text, page).href };
}

const isOnServer = (address: string): boolean => /^https?:/i.test(address);

const shortened = (address: string): string => (address.length > 60 ? `${address.slice(0, 57)}...` : address);

/** What a `blob:` or `data:` address stands for, which is here already. */
async function fetchBlob(address: string, signal: AbortSignal | undefined): Promise<Blob> {
  throwIfAborted(signal, `Reading "${shortened(address)}"`);
  try {
    return await (await fetch(address)).blob();
  } catch (error) {
    throw fileError("read", shortened(address), error);
  }
}

const nameOf = (blob: Blob): string => ("name" in blob ? String(blob.name) : "the Blob that was given");
