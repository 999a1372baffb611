import { ArgumentError, didYouMean } from "@diffusiongym/core";
import { type ByteSource, type FileSource, openSource } from "../files/index.js";
import type { SafetensorsType } from "./element-types.js";
import { headerLength, parseHeader, problem, requireCovered, type TensorEntry } from "./header.js";
import { decodeText, readTensor, type SafetensorsTensor } from "./read.js";

/**
 * A safetensors file that is read tensor by tensor, so that no more of it is in memory than is wanted: for files of several
 * gigabytes, or of which only a part is needed.
 *
 *     await using file = await SafetensorsFile.open("unet.safetensors");
 *     for await (const [name, tensor] of file) { ... }
 */
export class SafetensorsFile implements AsyncIterable<readonly [string, SafetensorsTensor]>, AsyncDisposable {
  /** Element type and shape of every tensor, in the order of the header. */
  readonly tensors: ReadonlyMap<string, { readonly type: SafetensorsType; readonly shape: readonly number[] }>;
  /** The file's own text fields. */
  readonly metadata: Readonly<Record<string, string>>;
  readonly #source: ByteSource;
  readonly #entries: ReadonlyMap<string, TensorEntry>;
  /** Where the data begin. */
  readonly #start: number;

  private constructor(
    source: ByteSource,
    start: number,
    entries: readonly TensorEntry[],
    metadata: Record<string, string>,
  ) {
    this.#source = source;
    this.#start = start;
    this.#entries = new Map(entries.map((entry) => [entry.name, entry]));
    this.tensors = new Map(entries.map(({ name, type, shape }) => [name, { type, shape }]));
    this.metadata = metadata;
  }

  /**
   * Opens a file and reads its header.
   * @param source a path, a URL, a Blob or bytes
   * @param signal stops reading, now and later
   * @throws FileError for a file that is not there; FormatError in words, as `readSafetensors`; AbortError
   */
  static async open(source: FileSource, { signal }: { readonly signal?: AbortSignal } = {}): Promise<SafetensorsFile> {
    const opened = await openSource(source, signal);
    try {
      const { size } = opened;
      const prefix = new Uint8Array(Math.min(8, size ?? 8));
      await opened.read(0, prefix);
      const length = headerLength(prefix, size);
      const text = new Uint8Array(length);
      await opened.read(8, text);
      const header = parseHeader(decodeText(text));
      if (size !== undefined) {
        requireCovered(header, size - 8 - length);
      }
      return new SafetensorsFile(opened, 8 + length, header.entries, header.metadata);
    } catch (error) {
      await opened.close();
      throw error;
    }
  }

  /**
   * Reads one tensor.
   * @throws ArgumentError for a name that the file does not have, with the nearest; FormatError, FileError, AbortError
   */
  async read(name: string): Promise<SafetensorsTensor> {
    const entry = this.#entries.get(name);
    if (!entry) {
      throw new ArgumentError(
        `"${this.#source.name}" has no tensor "${name}"${didYouMean(name, this.#entries.keys())}`,
        "name",
        name,
      );
    }
    const length = entry.end - entry.start;
    const bytes = allocate(name, length);
    await this.#source.read(this.#start + entry.start, bytes);
    return readTensor({ ...entry, start: 0, end: length }, bytes);
  }

  /** All tensors, in the order in which they lie in the file. */
  async *[Symbol.asyncIterator](): AsyncIterator<readonly [string, SafetensorsTensor]> {
    for (const { name } of [...this.#entries.values()].sort((a, b) => a.start - b.start)) {
      yield [name, await this.read(name)];
    }
  }

  /** Gives the file back. */
  close(): Promise<void> {
    return this.#source.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

/** Where the size of a file is not known beforehand, its header may claim more than any memory holds. */
function allocate(name: string, length: number): Uint8Array<ArrayBuffer> {
  try {
    return new Uint8Array(length);
  } catch {
    throw problem(`tensor ${JSON.stringify(name)} claims ${length} bytes, more than memory holds`);
  }
}
