import { type Field, type FieldKind, type MessageType, type ModelMessage, modelType } from "./messages.js";
import { damaged, unsupported } from "./problems.js";
import { WireReader, wireType } from "./wire.js";

/** Newest version of the file format (IR) that is read. */
const newestFormat = 11;

/** Messages nested deeper than this are refused: no file that was made in good faith has them. */
const deepest = 100;

/** What a decoded message, a name and a number take in memory, about, in bytes. */
const cost = { message: 400, text: 40, number: 16 } as const;

/**
 * Decodes messages within a bound on memory: a small file can claim millions of empty parts, and each would become an object.
 */
export class Decoder {
  #budget: number;

  /** @param fileLength bytes of the file; the decoded structure may take as much again, and 256 MB in any case */
  constructor(fileLength: number) {
    this.#budget = fileLength + 2 ** 28;
  }

  /** A message from its bytes. Numbers and texts that are absent are 0 and empty, messages `undefined`. */
  decode<T>(type: MessageType, bytes: Uint8Array): T {
    return this.#message(type, new WireReader(bytes), 0) as T;
  }

  /** A message without any field. */
  empty<T>(type: MessageType): T {
    const message: Record<string, unknown> = {};
    for (const { name, kind, many, maybe } of Object.values(type.fields)) {
      message[name] = many ? [] : maybe ? undefined : emptyValue(kind);
    }
    return message as T;
  }

  /** Adds fields to a message. */
  merge(type: MessageType, message: object, bytes: Uint8Array): void {
    this.#fields(type, message as Record<string, unknown>, new WireReader(bytes), 0);
  }

  #message(type: MessageType, reader: WireReader, depth: number): object {
    if (depth > deepest) {
      damaged(`it is nested more than ${deepest} levels deep`);
    }
    this.#spend(cost.message, type.name);
    const message = this.empty<Record<string, unknown>>(type);
    if (type.keepBytes) {
      message.bytes = reader.rest();
    }
    this.#fields(type, message, reader, depth);
    return message;
  }

  #fields(type: MessageType, message: Record<string, unknown>, reader: WireReader, depth: number): void {
    while (reader.more) {
      const { field: number, wire } = reader.tag();
      const field = type.fields[number];
      if (!field) {
        reader.skip(wire);
        continue;
      }
      const target = message[field.name];
      if (!field.many) {
        if (typeof field.kind === "object" && target !== undefined) {
          damaged(`a ${type.name} has two values of "${field.name}"`);
        }
        message[field.name] = this.#value(type, field, wire, reader, depth);
      } else if (wire === wireType.bytes && (field.kind === "integer" || field.kind === "float")) {
        this.#packed(type, field.kind, target as number[], reader.nested());
      } else {
        (target as unknown[]).push(this.#value(type, field, wire, reader, depth));
      }
    }
  }

  #value(type: MessageType, { name, kind }: Field, wire: number, reader: WireReader, depth: number): unknown {
    const expected = kind === "integer" ? wireType.varint : kind === "float" ? wireType.fixed32 : wireType.bytes;
    if (wire !== expected) {
      damaged(`the field "${name}" of a ${type.name} is stored in the wrong way (wire type ${wire})`);
    }
    switch (kind) {
      case "integer":
        this.#spend(cost.number, type.name);
        return reader.integer();
      case "float":
        this.#spend(cost.number, type.name);
        return reader.float();
      case "bytes":
        this.#spend(cost.text, type.name);
        return reader.bytes();
      case "text": {
        const bytes = reader.bytes();
        this.#spend(cost.text + 2 * bytes.length, type.name);
        return decodeText(bytes, `the field "${name}" of a ${type.name}`);
      }
      default:
        return this.#message(kind, reader.nested(), depth + 1);
    }
  }

  #packed(type: MessageType, kind: "integer" | "float", target: number[], reader: WireReader): void {
    while (reader.more) {
      this.#spend(cost.number, type.name);
      target.push(kind === "integer" ? reader.integer() : reader.float());
    }
  }

  #spend(amount: number, part: string): void {
    this.#budget -= amount;
    if (this.#budget < 0) {
      damaged(`it consists of more parts (${part} and others) than its size can hold in memory`);
    }
  }
}

const nothing = new Uint8Array(0);

function emptyValue(kind: FieldKind): unknown {
  switch (kind) {
    case "integer":
    case "float":
      return 0;
    case "text":
      return "";
    case "bytes":
      return nothing;
    default:
      return undefined;
  }
}

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Text of a file. */
export function decodeText(bytes: Uint8Array, what: string): string {
  try {
    return utf8.decode(bytes);
  } catch {
    return damaged(`${what} is not UTF-8 text`);
  }
}

/** The model in the bytes of a file. */
export function decodeModel(bytes: Uint8Array): ModelMessage {
  return checkModel(new Decoder(bytes.length).decode<ModelMessage>(modelType, bytes), bytes.length);
}

/** Refuses what decodes and is still no model. */
export function checkModel(model: ModelMessage, fileLength: number): ModelMessage {
  if (model.irVersion <= 0 || model.operatorSets.length === 0) {
    damaged(`its ${fileLength} bytes do not describe a model`);
  }
  if (model.irVersion > newestFormat) {
    unsupported(
      `it is of the format (IR) version ${model.irVersion}; versions up to ${newestFormat} are read. Save it with an older one`,
    );
  }
  return model;
}
