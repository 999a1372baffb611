import { ArgumentError } from "@diffusiongym/core";
import {
  type AttributeValue,
  type ConstantTensor,
  type Graph,
  type Node,
  type Subgraph,
  type TensorType,
  typeOf,
  validate,
} from "../ir/index.js";
import { inferTypes, onnxTypeCode } from "../ops/index.js";
import { attributeKind } from "./messages.js";
import { parametersKey, producer } from "./metadata.js";
import { WireWriter } from "./wire.js";

/** Where the entries of a tensor go that are not in the model's own file. */
export interface WrittenPlace {
  readonly location: string;
  readonly offset: number;
}

/** Chooses the tensors that go elsewhere. */
export type Placing = (name: string, tensor: ConstantTensor) => WrittenPlace | undefined;

/** Protocol buffers are read up to this length. */
const longestFile = 2 ** 31 - 1;

/**
 * The graph as the bytes of an `.onnx` file that any ONNX runtime takes. `parseOnnx` gives the same graph back, the names of
 * its parameters included (they travel in the model's metadata). The same graph gives the same bytes.
 * @throws ArgumentError when the graph is not well formed, or the file would be larger than 2 GB: `saveOnnx` writes such
 *   graphs with their weights in a second file
 */
export function writeOnnx(graph: Graph): Uint8Array<ArrayBuffer> {
  const writer = encodeOnnx(graph);
  if (writer.length > longestFile) {
    throw new ArgumentError(
      `Graph "${graph.name}" takes ${writer.length} bytes and an .onnx file has at most 2 GB; save it with its weights beside (saveOnnx, Network.saveTo).`,
      "graph",
    );
  }
  return writer.finish();
}

/**
 * The pieces of an `.onnx` file; the entries of tensors are views of their arrays.
 * @param place where the entries of a tensor go. @default into the file itself
 */
export function encodeOnnx(graph: Graph, place: Placing = () => undefined): WireWriter {
  validate(graph);
  const typed = graph.outputs.every((name) => typeOf(graph, name)) ? graph : inferTypes(graph);
  const model = new WireWriter();
  model.integer(1, formatOf(graph.opset));
  model.text(2, producer);
  model.message(7, (inner) => writeGraph(inner, typed, place));
  const sets = new Map([["", graph.opset], ...foreignDomains(graph)]);
  for (const [domain, version] of sets) {
    model.message(8, (inner) => {
      inner.text(1, domain);
      inner.integer(2, version);
    });
  }
  model.message(14, (inner) => {
    inner.text(1, parametersKey);
    inner.text(2, JSON.stringify(graph.parameters));
  });
  return model;
}

/** Version of the file format that came with an operator set. */
function formatOf(opset: number): number {
  return opset <= 18 ? 8 : opset <= 20 ? 9 : 10;
}

function foreignDomains({ nodes, domains }: Graph): Map<string, number> {
  const versions = new Map(domains);
  for (const { domain } of nodes) {
    if (domain !== "" && !versions.has(domain)) {
      versions.set(domain, 1);
    }
  }
  return versions;
}

function writeGraph(writer: WireWriter, graph: Graph, place: Placing): void {
  for (const node of graph.nodes) {
    writeNode(writer, node);
  }
  writer.text(2, graph.name);
  for (const [name, tensor] of graph.initializers) {
    writer.message(5, (inner) => writeTensor(inner, tensor, name, place(name, tensor)));
  }
  for (const input of graph.inputs) {
    writeValue(writer, 11, input.name, input);
  }
  for (const name of graph.outputs) {
    writeValue(writer, 12, name, typeOf(graph, name));
  }
  for (const name of typesToDeclare(graph)) {
    writeValue(writer, 13, name, typeOf(graph, name));
  }
}

/** Values whose types a reader could not infer again: those that opaque nodes make. */
function typesToDeclare(graph: Graph): string[] {
  const outputs = new Set(graph.outputs);
  return graph.nodes.flatMap(({ opaque, outputs: made }) =>
    opaque === undefined ? [] : made.filter((name) => graph.valueInfo.has(name) && !outputs.has(name)),
  );
}

function writeNode(writer: WireWriter, node: Node): void {
  writer.message(1, (inner) => {
    for (const input of node.inputs) {
      inner.text(1, input);
    }
    for (const output of node.outputs) {
      inner.text(2, output);
    }
    inner.text(3, node.name);
    inner.text(4, node.op);
    for (const [name, value] of Object.entries(node.attributes)) {
      inner.message(5, (attribute) => writeAttribute(attribute, name, value));
    }
    inner.text(7, node.domain);
  });
}

function writeAttribute(writer: WireWriter, name: string, { kind, value }: AttributeValue): void {
  writer.text(1, name);
  switch (kind) {
    case "float":
      writer.float(2, value);
      break;
    case "int":
      writer.integer(3, value);
      break;
    case "string":
      writer.text(4, value);
      break;
    case "tensor":
      writer.message(5, (inner) => writeTensor(inner, value, "", undefined));
      break;
    case "graph":
      writer.message(6, (inner) => writeBody(inner, value));
      break;
    case "floats":
      for (const entry of value) {
        writer.float(7, entry);
      }
      break;
    case "ints":
      for (const entry of value) {
        writer.integer(8, entry);
      }
      break;
    case "strings":
      for (const entry of value) {
        writer.text(9, entry);
      }
  }
  writer.integer(20, attributeKind[kind]);
}

function writeBody(writer: WireWriter, body: Subgraph): void {
  for (const node of body.nodes) {
    writeNode(writer, node);
  }
  writer.text(2, body.name);
  for (const [name, tensor] of body.initializers) {
    writer.message(5, (inner) => writeTensor(inner, tensor, name, undefined));
  }
  for (const name of body.inputs) {
    writeValue(writer, 11, name, body.valueInfo.get(name));
  }
  for (const name of body.outputs) {
    writeValue(writer, 12, name, body.valueInfo.get(name));
  }
}

function writeTensor(writer: WireWriter, tensor: ConstantTensor, name: string, place: WrittenPlace | undefined): void {
  const { data } = tensor;
  for (const length of tensor.shape) {
    writer.integer(1, length);
  }
  writer.integer(2, onnxTypeCode[tensor.type]);
  writer.text(8, name);
  if (!place) {
    writer.bytes(9, tensorBytes(tensor));
    return;
  }
  const fields = { location: place.location, offset: String(place.offset), length: String(data.byteLength) };
  for (const [key, value] of Object.entries(fields)) {
    writer.message(13, (inner) => {
      inner.text(1, key);
      inner.text(2, value);
    });
  }
  writer.integer(14, 1);
}

/** The entries of a tensor as little-endian bytes: a view. */
export function tensorBytes({ data }: ConstantTensor): Uint8Array<ArrayBuffer> {
  return new Uint8Array(data.buffer as ArrayBuffer, data.byteOffset, data.byteLength);
}

/** A value's name, and its type where that is known; the runtime infers the others. */
function writeValue(writer: WireWriter, field: number, name: string, type: TensorType | undefined): void {
  writer.message(field, (value) => {
    value.text(1, name);
    if (type) {
      value.message(2, (inner) => inner.message(1, (tensor) => writeTensorType(tensor, type)));
    }
  });
}

function writeTensorType(writer: WireWriter, { type, shape }: TensorType): void {
  writer.integer(1, onnxTypeCode[type]);
  writer.message(2, (inner) => {
    for (const length of shape) {
      inner.message(1, (dimension) => {
        if (typeof length === "number") {
          dimension.integer(1, length);
        } else {
          dimension.text(2, length);
        }
      });
    }
  });
}
