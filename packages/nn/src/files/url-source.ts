import { AbortError, throwIfAborted } from "@diffusiongym/core";
import { type ByteSource, requireRange } from "./byte-source.js";
import { FileError, fileError } from "./file-error.js";

/** A gap of up to this many bytes is read and dropped, which is faster than another request. */
const longestGap = 2 ** 20;

/**
 * A file at an address. It is one stream as long as it is read forwards; a jump is a new request for the rest from there on
 * (`Range`), and a server that does not know such requests sends everything, of which the beginning is dropped.
 */
export class UrlSource implements ByteSource {
  readonly name: string;
  readonly #address: string;
  readonly #signal: AbortSignal | undefined;
  #size: number | undefined;
  #reader: ReadableStreamDefaultReader<Uint8Array> | undefined;
  /** Where the next byte of the stream lies in the file. */
  #position = 0;
  /** Bytes that came and were not wanted yet. */
  #ahead: Uint8Array = new Uint8Array(0);

  constructor(address: string, signal: AbortSignal | undefined) {
    this.name = address;
    this.#address = address;
    this.#signal = signal;
  }

  get size(): number | undefined {
    return this.#size;
  }

  /** Makes the first request, which says how large the file is. */
  async open(): Promise<void> {
    await this.#request(0);
  }

  async read(offset: number, target: Uint8Array<ArrayBuffer>): Promise<void> {
    if (target.length === 0) {
      return;
    }
    if (!this.#reader || offset < this.#position || offset - this.#position > longestGap) {
      await this.#request(offset);
    }
    for (let done = 0; done < target.length; ) {
      const chunk = this.#ahead.length > 0 ? this.#ahead : await this.#next(offset + done, offset + target.length);
      const dropped = Math.min(chunk.length, offset + done - this.#position);
      const taken = Math.min(chunk.length - dropped, target.length - done);
      target.set(chunk.subarray(dropped, dropped + taken), done);
      done += taken;
      this.#position += dropped + taken;
      this.#ahead = chunk.subarray(dropped + taken);
    }
  }

  /** Everything from the beginning. @param onChunk gets the number of bytes of each piece that came */
  async readAll(onChunk: (bytes: number) => void): Promise<Uint8Array> {
    const chunks: Uint8Array[] = [];
    let length = 0;
    if (!this.#reader || this.#position > 0) {
      await this.#request(0);
    }
    for (let result = await this.#pull(); !result.done; result = await this.#pull()) {
      chunks.push(result.value);
      length += result.value.length;
      onChunk(result.value.length);
    }
    this.#reader = undefined;
    if (this.#size !== undefined && length < this.#size) {
      requireRange(this.name, length, 0, this.#size);
    }
    if (chunks.length === 1) {
      return chunks[0]!;
    }
    const whole = new Uint8Array(length);
    let position = 0;
    for (const chunk of chunks.splice(0)) {
      whole.set(chunk, position);
      position += chunk.length;
    }
    return whole;
  }

  async close(): Promise<void> {
    const reader = this.#reader;
    this.#reader = undefined;
    await reader?.cancel().catch(() => undefined);
  }

  async #request(offset: number): Promise<void> {
    await this.close();
    throwIfAborted(this.#signal, `Reading "${this.name}"`);
    let answer: Response;
    try {
      answer = await fetch(this.#address, {
        ...(this.#signal && { signal: this.#signal }),
        ...(offset > 0 && { headers: { Range: `bytes=${offset}-` } }),
      });
    } catch (error) {
      throw this.#failure(error);
    }
    if (answer.status === 416) {
      requireRange(this.name, sizeInRange(answer) ?? offset, offset, 1);
    }
    if (!answer.ok || !answer.body) {
      await answer.body?.cancel();
      throw new FileError(
        `Cannot read "${this.name}": the server answered ${answer.status} ${answer.statusText}.`,
        this.name,
        answer.status,
      );
    }
    const isPart = answer.status === 206;
    // A length that is encoded (gzip) is not that of the bytes that arrive.
    const length = answer.headers.has("content-encoding") ? undefined : lengthOf(answer);
    this.#size = isPart ? sizeInRange(answer) : (length ?? this.#size);
    this.#position = isPart ? offset : 0;
    this.#ahead = new Uint8Array(0);
    this.#reader = answer.body.getReader();
  }

  async #next(from: number, to: number): Promise<Uint8Array> {
    const { done, value } = await this.#pull();
    if (done) {
      this.#reader = undefined;
      requireRange(this.name, this.#position, from, to - from);
      throw new FileError(`Cannot read "${this.name}": it ended early.`, this.name);
    }
    return value;
  }

  async #pull(): Promise<ReadableStreamReadResult<Uint8Array>> {
    try {
      return await this.#reader!.read();
    } catch (error) {
      throw this.#failure(error);
    }
  }

  #failure(error: unknown): Error {
    return this.#signal?.aborted
      ? new AbortError(
          `Reading "${this.name}" was stopped because its AbortSignal fired (${String(this.#signal.reason)}).`,
          this.#signal.reason,
        )
      : fileError("read", this.name, error);
  }
}

function lengthOf(answer: Response): number | undefined {
  const text = answer.headers.get("content-length");
  return text !== null && /^\d+$/.test(text) ? Number(text) : undefined;
}

/** The whole length in `Content-Range: bytes 100-199/200`. */
function sizeInRange(answer: Response): number | undefined {
  const text = /\/(\d+)$/.exec(answer.headers.get("content-range") ?? "")?.[1];
  return text === undefined ? undefined : Number(text);
}
