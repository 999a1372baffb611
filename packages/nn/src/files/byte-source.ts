import { FormatError } from "@diffusiongym/core";

/** Bytes that are read piece by piece. */
export interface ByteSource {
  /** Path or address, for messages. */
  readonly name: string;
  /** Bytes in all; `undefined` while that is not known. */
  readonly size: number | undefined;
  /**
   * Fills `target` with the bytes from `offset` on.
   * @throws FormatError when there are not as many; FileError when they cannot be read; AbortError
   */
  read(offset: number, target: Uint8Array<ArrayBuffer>): Promise<void>;
  /** Gives back what is held open. */
  close(): Promise<void>;
}

/** Throws the error for a range that a file does not have. */
export function requireRange(name: string, size: number, offset: number, length: number): void {
  if (offset + length > size) {
    throw new FormatError(
      `"${name}" has ${size} bytes, and the bytes ${offset} to ${offset + length} were to be read; it may be truncated, or belong to another version of the model.`,
      "binary",
      name,
    );
  }
}

/** Bytes that are in memory. */
export function memorySource(name: string, bytes: Uint8Array): ByteSource {
  return {
    name,
    size: bytes.length,
    read: async (offset, target) => {
      requireRange(name, bytes.length, offset, target.length);
      target.set(bytes.subarray(offset, offset + target.length));
    },
    close: async () => {},
  };
}

/** Bytes of a Blob, which a browser may keep on disk. */
export function blobSource(name: string, blob: Blob): ByteSource {
  return {
    name,
    size: blob.size,
    read: async (offset, target) => {
      requireRange(name, blob.size, offset, target.length);
      target.set(new Uint8Array(await blob.slice(offset, offset + target.length).arrayBuffer()));
    },
    close: async () => {},
  };
}
