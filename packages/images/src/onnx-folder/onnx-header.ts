import { FormatError } from "@diffusiongym/core";
import type { NodeModules } from "../platform/index.js";
import { longestHead, readField, readFields, type WireField } from "./wire.js";

/** An input that an ONNX file declares. */
export interface DeclaredInput {
  readonly name: string;
  /** Lengths of the axes; a symbol, or undefined where the file says nothing. */
  readonly shape: readonly (number | string | undefined)[];
}

/** What an ONNX file says of itself, without its weights. */
export interface OnnxHeader {
  /** What a run must be given, in order. */
  readonly inputs: readonly DeclaredInput[];
  /** Files beside it in which it keeps weights, each once. */
  readonly externalFiles: readonly string[];
}

/** Fields of the messages of an ONNX file that are looked at. */
const fieldOf = {
  model: { graph: 7 },
  graph: { initializer: 5, input: 11 },
  tensor: { name: 8, rawData: 9, externalData: 13 },
  entry: { key: 1, value: 2 },
  value: { name: 1, type: 2 },
  type: { tensor: 1 },
  tensorType: { shape: 2 },
  shape: { dimension: 1 },
  dimension: { length: 1, symbol: 2 },
} as const;

/** Messages of at most so many bytes are read whole. */
const smallMessage = 2 ** 16;

/**
 * Reads the inputs of an ONNX file and the names of the files beside it, skipping its weights, however large.
 * @param path where it is
 * @param file what messages call it
 * @throws FormatError when it is no ONNX file
 */
export async function readOnnxHeader(path: string, file: string, { fs }: NodeModules): Promise<OnnxHeader> {
  const handle = await fs.open(path, "r");
  try {
    const reader = new HeaderReader(handle, (await handle.stat()).size, file, path);
    return await reader.read();
  } finally {
    await handle.close();
  }
}

type FileHandle = Awaited<ReturnType<NodeModules["fs"]["open"]>>;

class HeaderReader {
  readonly #handle: FileHandle;
  readonly #size: number;
  readonly #file: string;
  readonly #path: string;
  #window = new Uint8Array(0);
  #windowStart = 0;

  constructor(handle: FileHandle, size: number, file: string, path: string) {
    this.#handle = handle;
    this.#size = size;
    this.#file = file;
    this.#path = path;
  }

  async read(): Promise<OnnxHeader> {
    const graph = await this.#find(0, this.#size, fieldOf.model.graph);
    if (graph === undefined) {
      throw this.#damaged("it holds no graph");
    }
    const inputs: DeclaredInput[] = [];
    const stored = new Set<string>();
    const externalFiles = new Set<string>();
    for await (const field of this.#fields(graph.start, graph.end)) {
      if (field.number === fieldOf.graph.input) {
        inputs.push(this.#input(await this.#bytes(field.start, field.end)));
      } else if (field.number === fieldOf.graph.initializer) {
        const { name, location } = await this.#tensor(field);
        stored.add(name);
        if (location !== undefined) {
          externalFiles.add(location);
        }
      }
    }
    return { inputs: inputs.filter(({ name }) => !stored.has(name)), externalFiles: [...externalFiles] };
  }

  /** Name of an initializer, and of the file that it is in when that is another. */
  async #tensor(tensor: WireField): Promise<{ readonly name: string; readonly location: string | undefined }> {
    let name = "";
    let location: string | undefined;
    for await (const field of this.#fields(tensor.start, tensor.end)) {
      if (field.number === fieldOf.tensor.name) {
        name = text(await this.#bytes(field.start, field.end));
      } else if (field.number === fieldOf.tensor.externalData) {
        const bytes = await this.#bytes(field.start, field.end);
        const [key, value] = [fieldOf.entry.key, fieldOf.entry.value].map((number) => text(this.#part(bytes, number)));
        location = key === "location" ? value : location;
      }
    }
    return { name, location };
  }

  #input(bytes: Uint8Array): DeclaredInput {
    const type = this.#part(this.#part(bytes, fieldOf.value.type), fieldOf.type.tensor);
    const shape = this.#part(type, fieldOf.tensorType.shape);
    const dimensions = this.#small(shape).filter(({ number }) => number === fieldOf.shape.dimension);
    return {
      name: text(this.#part(bytes, fieldOf.value.name)),
      shape: dimensions.map(({ start, end }) => {
        const fields = this.#small(shape.subarray(start, end));
        const length = fields.find(({ number }) => number === fieldOf.dimension.length);
        const symbol = fields.find(({ number }) => number === fieldOf.dimension.symbol);
        return symbol === undefined
          ? length?.value
          : text(shape.subarray(start + symbol.start, start + symbol.end)) || undefined;
      }),
    };
  }

  /** Contents of a field within a small message; empty where there is none. */
  #part(message: Uint8Array, number: number): Uint8Array {
    const found = this.#small(message).find((field) => field.number === number);
    return found === undefined ? new Uint8Array(0) : message.subarray(found.start, found.end);
  }

  #small(message: Uint8Array): WireField[] {
    const fields = readFields(message);
    if (fields === undefined) {
      throw this.#damaged("a field of it has no end");
    }
    return fields;
  }

  async #find(start: number, end: number, number: number): Promise<WireField | undefined> {
    for await (const field of this.#fields(start, end)) {
      if (field.number === number) {
        return field;
      }
    }
    return undefined;
  }

  async *#fields(start: number, end: number): AsyncGenerator<WireField, void, undefined> {
    for (let position = start; position < end; ) {
      const field = readField(await this.#ahead(position, Math.min(position + longestHead, end)), position);
      if (field === undefined || field.end > end) {
        throw this.#damaged(field === undefined ? "it is no protocol buffer" : "it was cut off");
      }
      yield field;
      position = field.end;
    }
  }

  async #bytes(start: number, end: number): Promise<Uint8Array> {
    if (end - start > smallMessage) {
      throw this.#damaged(`a description in it is ${end - start} bytes long`);
    }
    return (await this.#ahead(start, end)).slice();
  }

  async #ahead(start: number, end: number): Promise<Uint8Array> {
    if (start < this.#windowStart || end > this.#windowStart + this.#window.length) {
      const window = new Uint8Array(Math.min(2 * smallMessage, this.#size - start));
      const { bytesRead } = await this.#handle.read(window, 0, window.length, start);
      if (bytesRead < end - start) {
        throw this.#damaged("it was cut off");
      }
      this.#window = window.subarray(0, bytesRead);
      this.#windowStart = start;
    }
    return this.#window.subarray(start - this.#windowStart, end - this.#windowStart);
  }

  #damaged(problem: string): FormatError {
    return new FormatError(
      `${this.#file} is no sound ONNX file: ${problem}. Download or export it again.`,
      "onnx",
      this.#path,
    );
  }
}

const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
