import { FormatError, throwIfAborted } from "@diffusiongym/core";
import { type ByteSource, besideSource, type FileSource, openSource, requireRange, UrlSource } from "../files/index.js";
import type { ConstantTensor, Graph } from "../ir/index.js";
import { decodeModel } from "./decode.js";
import { type ImportOptions, importModel } from "./import-model.js";
import type { ModelMessage, TensorMessage } from "./messages.js";
import { guarded } from "./parse.js";
import { type PlacedTensor, placedTensors } from "./placed-tensors.js";
import { damaged, unsupported } from "./problems.js";
import { readSkeleton } from "./skeleton.js";
import { inlineTensor, tensorOfBytes } from "./tensors.js";

/** How far reading or writing is. */
export interface FileProgress {
  /** Bytes so far. */
  readonly loaded: number;
  /** Bytes in all; `undefined` until that is known. */
  readonly total: number | undefined;
}

/** How a file is opened. */
export interface OpenOnnxOptions extends ImportOptions {
  /**
   * Files beside the model in which tensors lie ("external data"), by the names that the model gives them.
   * @default those beside the model's path or URL
   */
  readonly externalData?: Readonly<Record<string, FileSource>>;
  /** Stops reading. */
  readonly signal?: AbortSignal;
  /** Called as bytes arrive. */
  readonly onProgress?: (progress: FileProgress) => void;
}

/**
 * Reads an ONNX model from a path, a URL, a Blob or bytes, with the files beside it in which it keeps tensors, which may be
 * larger than any array: tensor after tensor is read straight to where it stays. Otherwise as `parseOnnx`.
 * @throws FileError for a file that is not there or cannot be read, named in the message; AbortError; and what `parseOnnx` throws
 */
export async function openOnnx(source: FileSource, options: OpenOnnxOptions = {}): Promise<Graph> {
  const { signal, precision = "float32" } = options;
  throwIfAborted(signal, "Reading a model");
  const reading = new Reading(source, options);
  try {
    const model = await reading.model();
    const tensors = await reading.tensors(model);
    return guarded(() =>
      importModel(model, options, (message, what) => tensors.get(message) ?? inlineTensor(message, what, precision)),
    );
  } catch (error) {
    throw error instanceof FormatError && error.path === undefined ? withPath(error, reading.name) : error;
  } finally {
    await reading.close();
  }
}

class Reading {
  readonly #source: FileSource;
  readonly #options: OpenOnnxOptions;
  readonly #opened = new Map<string | undefined, ByteSource>();
  #loaded = 0;
  #total: number | undefined;

  constructor(source: FileSource, options: OpenOnnxOptions) {
    this.#source = source;
    this.#options = options;
  }

  /** Path or address of the model, once it is open. */
  get name(): string | undefined {
    return this.#opened.get(undefined)?.name;
  }

  async model(): Promise<ModelMessage> {
    const file = await openSource(this.#source, this.#options.signal);
    this.#opened.set(undefined, file);
    this.#total = file.size;
    this.#report(0);
    if (file instanceof UrlSource) {
      return decodeModel(await file.readAll((bytes) => this.#report(bytes)));
    }
    const size = file.size!;
    const model = await readSkeleton(file, size);
    // What is still to come is counted when it comes.
    const rest = model.graph?.initializers.reduce((sum, { stored }) => sum + (stored?.length ?? 0), 0) ?? 0;
    this.#report(size - rest);
    return model;
  }

  /** The tensors whose entries are not in the decoded model. */
  async tensors(model: ModelMessage): Promise<ReadonlyMap<TensorMessage, ConstantTensor>> {
    const placed = placedTensors(model);
    const elsewhere = placed.filter(({ place }) => place.location !== undefined);
    this.#total =
      this.#total === undefined ? undefined : elsewhere.reduce((sum, { place }) => sum + place.length, this.#total);
    const read = new Map<TensorMessage, ConstantTensor>();
    for (const tensor of placed) {
      throwIfAborted(this.#options.signal, "Reading a model");
      const bytes = await this.#read(tensor);
      for (const message of tensor.messages) {
        read.set(
          message,
          guarded(() => tensorOfBytes(message, tensor.what, this.#options.precision ?? "float32", bytes)),
        );
      }
      this.#report(bytes.length);
    }
    return read;
  }

  async #read({ place, what }: PlacedTensor): Promise<Uint8Array<ArrayBuffer>> {
    const file = await this.#file(place.location, what);
    // Before anything is allocated for a tensor that lies.
    if (file.size !== undefined) {
      requireRange(file.name, file.size, place.offset, place.length);
    }
    const bytes = guarded(() => new Uint8Array(place.length));
    await file.read(place.offset, bytes);
    return bytes;
  }

  async #file(location: string | undefined, what: string): Promise<ByteSource> {
    const opened = this.#opened.get(location);
    if (opened || location === undefined) {
      return opened ?? damaged(`${what} lies nowhere`);
    }
    const { externalData = {}, signal } = this.#options;
    const beside = Object.hasOwn(externalData, location)
      ? externalData[location]
      : await besideSource(this.#source, location);
    if (beside === undefined) {
      return unsupported(
        `${what} is stored in another file, "${location}", and bytes have no files beside them; give it in externalData`,
      );
    }
    const file = await openSource(beside, signal);
    this.#opened.set(location, file);
    return file;
  }

  #report(bytes: number): void {
    this.#loaded += bytes;
    this.#options.onProgress?.({ loaded: this.#loaded, total: this.#total });
  }

  async close(): Promise<void> {
    await Promise.all(Array.from(this.#opened.values(), (file) => file.close()));
  }
}

function withPath(error: FormatError, path: string | undefined): FormatError {
  return path === undefined ? error : new FormatError(`${error.message} (${path})`, error.format, path);
}
