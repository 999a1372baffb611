import { DiffusionGymError, throwIfAborted } from "@diffusiongym/core";
import { fileError } from "./file-error.js";
import { requireFileSystem } from "./path-source.js";

/** A file to be written. */
export interface WrittenFile {
  readonly path: string;
  /** What it is to contain, in order. */
  readonly parts: Iterable<Uint8Array>;
}

/** What is called as bytes are read or written. */
export type ByteCount = (bytes: number) => void;

/**
 * Writes files so that none is ever there in part: each is written beside its place and flushed, and when all are, they are
 * renamed, in order. On failure what was written is removed and the old files stay.
 * @throws FileError, AbortError
 */
export async function replaceFiles(
  written: readonly WrittenFile[],
  { signal, onBytes = () => {} }: { readonly signal?: AbortSignal | undefined; readonly onBytes?: ByteCount } = {},
): Promise<void> {
  const { files } = await requireFileSystem(written[0]?.path ?? "");
  const temporary = written.map(({ path }) => `${path}.${process.pid}.part`);
  let at = written[0]?.path ?? "";
  try {
    for (const [i, { path, parts }] of written.entries()) {
      at = path;
      const file = await files.open(temporary[i]!, "w");
      try {
        for (const part of parts) {
          throwIfAborted(signal, `Writing "${path}"`);
          await file.writeFile(part);
          onBytes(part.length);
        }
        await file.sync();
      } finally {
        await file.close();
      }
    }
    for (const [i, { path }] of written.entries()) {
      at = path;
      await files.rename(temporary[i]!, path);
    }
  } catch (error) {
    for (const path of temporary) {
      await files.rm(path, { force: true }).catch(() => undefined);
    }
    throw DiffusionGymError.isInstance(error) ? error : fileError("write", at, error);
  }
}
