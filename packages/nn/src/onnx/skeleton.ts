import type { ByteSource } from "../files/index.js";
import { checkModel, Decoder } from "./decode.js";
import {
  type GraphMessage,
  graphType,
  type ModelMessage,
  modelType,
  type TensorMessage,
  tensorType,
} from "./messages.js";
import { damaged } from "./problems.js";
import { WireReader, wireType } from "./wire.js";

/** Entries of at least this many bytes stay in the file until they are wanted. */
const largestRead = 4096;

/** Bytes that are read ahead. */
const windowLength = 2 ** 18;

/** One field: where it begins, and where its contents are. */
interface FieldRange {
  readonly field: number;
  readonly wire: number;
  readonly start: number;
  readonly contents: number;
  readonly end: number;
}

/** Goes through a source from front to back. */
class Cursor {
  readonly size: number;
  readonly #source: ByteSource;
  #window: Uint8Array<ArrayBuffer> = new Uint8Array(0);
  #windowStart = 0;

  constructor(source: ByteSource, size: number) {
    this.#source = source;
    this.size = size;
  }

  /** The field that begins at a position. */
  async field(start: number, end: number): Promise<FieldRange> {
    const head = await this.#ahead(start, Math.min(end, start + 20));
    const reader = new WireReader(head);
    const { field, wire } = reader.tag();
    if (wire === wireType.bytes) {
      const length = reader.unsigned();
      const contents = start + reader.position;
      if (length > end - contents) {
        damaged(`a field of ${length} bytes goes beyond its end; the file may be truncated`);
      }
      return { field, wire, start, contents, end: contents + length };
    }
    const contents = start + reader.position;
    reader.skip(wire);
    return { field, wire, start, contents, end: start + reader.position };
  }

  /** The bytes between two positions, in an array of their own. */
  async bytes(start: number, end: number): Promise<Uint8Array<ArrayBuffer>> {
    if (end - start <= windowLength) {
      return (await this.#ahead(start, end)).slice();
    }
    const bytes = new Uint8Array(end - start);
    await this.#source.read(start, bytes);
    return bytes;
  }

  async #ahead(start: number, end: number): Promise<Uint8Array<ArrayBuffer>> {
    if (start < this.#windowStart || end > this.#windowStart + this.#window.length) {
      const window = new Uint8Array(Math.min(windowLength, this.size - start));
      await this.#source.read(start, window);
      this.#window = window;
      this.#windowStart = start;
    }
    return this.#window.subarray(start - this.#windowStart, end - this.#windowStart);
  }
}

/** Reads a model without the entries of its large initializers, which are read later and where they are wanted. */
export async function readSkeleton(source: ByteSource, size: number): Promise<ModelMessage> {
  const cursor = new Cursor(source, size);
  const decoder = new Decoder(size);
  const model = decoder.empty<ModelMessage>(modelType);
  for (let position = 0; position < size; ) {
    const range = await cursor.field(position, size);
    if (range.field === 7 && range.wire === wireType.bytes) {
      if (model.graph) {
        damaged('a Model has two values of "graph"');
      }
      model.graph = await readGraph(cursor, decoder, range);
    } else {
      decoder.merge(modelType, model, await cursor.bytes(range.start, range.end));
    }
    position = range.end;
  }
  return checkModel(model, size);
}

async function readGraph(cursor: Cursor, decoder: Decoder, graph: FieldRange): Promise<GraphMessage> {
  const message = decoder.empty<GraphMessage>(graphType);
  for (let position = graph.contents; position < graph.end; ) {
    const range = await cursor.field(position, graph.end);
    if (range.field === 5 && range.wire === wireType.bytes) {
      message.initializers.push(await readTensor(cursor, decoder, range));
    } else {
      decoder.merge(graphType, message, await cursor.bytes(range.start, range.end));
    }
    position = range.end;
  }
  return message;
}

async function readTensor(cursor: Cursor, decoder: Decoder, tensor: FieldRange): Promise<TensorMessage> {
  const entries = await findEntries(cursor, tensor);
  if (!entries) {
    return decoder.decode(tensorType, await cursor.bytes(tensor.contents, tensor.end));
  }
  const before = await cursor.bytes(tensor.contents, entries.start);
  const after = await cursor.bytes(entries.end, tensor.end);
  const rest = new Uint8Array(before.length + after.length);
  rest.set(before);
  rest.set(after, before.length);
  const message = decoder.decode<TensorMessage>(tensorType, rest);
  message.stored = { offset: entries.contents, length: entries.end - entries.contents };
  return message;
}

/** Where the entries of a tensor lie, when they are many bytes. */
async function findEntries(cursor: Cursor, tensor: FieldRange): Promise<FieldRange | undefined> {
  if (tensor.end - tensor.contents < largestRead) {
    return undefined;
  }
  let found: FieldRange | undefined;
  for (let position = tensor.contents; position < tensor.end; ) {
    const range = await cursor.field(position, tensor.end);
    if (range.field === 9 && range.wire === wireType.bytes) {
      found = range;
    }
    position = range.end;
  }
  return found;
}
