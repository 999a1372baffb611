import { throwIfAborted } from "@diffusiongym/core";
import { loadFileSystem } from "#files";
import { type ByteSource, requireRange } from "./byte-source.js";
import { FileError, fileError } from "./file-error.js";

/** Longest single read: longer ones could be neither stopped nor watched. */
const longestRead = 2 ** 26;

/** True where there are files: in Node. */
export const hasFiles = loadFileSystem !== undefined;

/** The file system of this platform. */
export function requireFileSystem(path: string): ReturnType<NonNullable<typeof loadFileSystem>> {
  if (!loadFileSystem) {
    throw new FileError(`"${path}" is a path, and there are no files here; give a URL, a Blob or the bytes.`, path);
  }
  return loadFileSystem();
}

/** A file, held open and read by position. */
export async function pathSource(path: string, signal: AbortSignal | undefined): Promise<ByteSource> {
  const { files } = await requireFileSystem(path);
  let file: Awaited<ReturnType<typeof files.open>>;
  let size: number;
  try {
    file = await files.open(path, "r");
  } catch (error) {
    throw fileError("read", path, error);
  }
  try {
    const status = await file.stat();
    if (!status.isFile()) {
      throw new Error("it is not a file");
    }
    size = status.size;
  } catch (error) {
    await file.close();
    throw fileError("read", path, error);
  }
  return {
    name: path,
    size,
    read: async (offset, target) => {
      requireRange(path, size, offset, target.length);
      for (let done = 0; done < target.length; ) {
        throwIfAborted(signal, `Reading "${path}"`);
        const length = Math.min(longestRead, target.length - done);
        const { bytesRead } = await file.read(target, done, length, offset + done).catch((error: unknown) => {
          throw fileError("read", path, error);
        });
        if (bytesRead === 0) {
          requireRange(path, offset + done, offset, target.length);
        }
        done += bytesRead;
      }
    },
    close: () => file.close(),
  };
}
