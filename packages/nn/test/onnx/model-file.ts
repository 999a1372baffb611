import { create, toBinary } from "@bufbuild/protobuf";
import {
  AttributeProto_AttributeType as AttributeKind,
  type AttributeProto,
  AttributeProtoSchema,
  type FunctionProto,
  FunctionProtoSchema,
  type GraphProto,
  GraphProtoSchema,
  ModelProtoSchema,
  type NodeProto,
  NodeProtoSchema,
  OperatorSetIdProtoSchema,
  type TensorProto,
  TensorProtoSchema,
  TensorShapeProto_DimensionSchema,
  TensorShapeProtoSchema,
  TypeProto_TensorSchema,
  TypeProtoSchema,
  type ValueInfoProto,
  ValueInfoProtoSchema,
} from "onnx-buf";
import * as ort from "onnxruntime-node";
import type { TestTensor } from "../ops/run-graph.js";

/**
 * Files for tests, written by the protocol-buffer library and not by this package: what one half of a package writes, the other
 * half would read even if both were wrong.
 */

export const attr = {
  int: (name: string, value: number): AttributeProto =>
    create(AttributeProtoSchema, { name, type: AttributeKind.INT, i: BigInt(value) }),
  float: (name: string, value: number): AttributeProto =>
    create(AttributeProtoSchema, { name, type: AttributeKind.FLOAT, f: value }),
  ints: (name: string, ...values: number[]): AttributeProto =>
    create(AttributeProtoSchema, { name, type: AttributeKind.INTS, ints: values.map(BigInt) }),
  floats: (name: string, ...values: number[]): AttributeProto =>
    create(AttributeProtoSchema, { name, type: AttributeKind.FLOATS, floats: values }),
  string: (name: string, value: string): AttributeProto =>
    create(AttributeProtoSchema, { name, type: AttributeKind.STRING, s: new TextEncoder().encode(value) }),
  tensor: (name: string, t: TensorProto): AttributeProto =>
    create(AttributeProtoSchema, { name, type: AttributeKind.TENSOR, t }),
  graph: (name: string, g: GraphProto): AttributeProto =>
    create(AttributeProtoSchema, { name, type: AttributeKind.GRAPH, g }),
  /** In a function's body: the function's own attribute of another name. */
  reference: (name: string, refAttrName: string, type: AttributeKind): AttributeProto =>
    create(AttributeProtoSchema, { name, refAttrName, type }),
};

export { AttributeKind };

/** A node: `node("Add", ["a", "b"], ["c"])`. */
export function node(
  op: string,
  inputs: string[],
  outputs: string[],
  { attributes = [], domain = "", name = "" }: { attributes?: AttributeProto[]; domain?: string; name?: string } = {},
): NodeProto {
  return create(NodeProtoSchema, { opType: op, input: inputs, output: outputs, attribute: attributes, domain, name });
}

/** Codes of element types. */
export const code = { float: 1, uint8: 2, int8: 3, int32: 6, int64: 7, string: 8, bool: 9, half: 10, bfloat16: 16 };

/** A stored tensor of floats. */
export function floatTensor(name: string, dims: number[], values: number[]): TensorProto {
  return create(TensorProtoSchema, { name, dims: dims.map(BigInt), dataType: code.float, floatData: values });
}

/** A stored tensor of int64. */
export function intTensor(name: string, dims: number[], values: number[]): TensorProto {
  return create(TensorProtoSchema, {
    name,
    dims: dims.map(BigInt),
    dataType: code.int64,
    int64Data: values.map(BigInt),
  });
}

/** A stored tensor in any form. */
export function tensor(name: string, fields: Partial<TensorProto>): TensorProto {
  return create(TensorProtoSchema, { name, ...(fields as object) });
}

/** Name and type of a value; without a shape when none is given. */
export function value(name: string, type?: number, shape?: (number | string)[]): ValueInfoProto {
  const dim = shape?.map((length) =>
    create(TensorShapeProto_DimensionSchema, {
      value:
        typeof length === "number" ? { case: "dimValue", value: BigInt(length) } : { case: "dimParam", value: length },
    }),
  );
  return create(ValueInfoProtoSchema, {
    name,
    ...(type !== undefined && {
      type: create(TypeProtoSchema, {
        value: {
          case: "tensorType",
          value: create(TypeProto_TensorSchema, {
            elemType: type,
            ...(dim && { shape: create(TensorShapeProtoSchema, { dim }) }),
          }),
        },
      }),
    }),
  });
}

/** A graph, or the body of a branch. */
export function graph(fields: {
  name?: string;
  nodes: NodeProto[];
  inputs?: ValueInfoProto[];
  outputs: ValueInfoProto[];
  values?: ValueInfoProto[];
  initializers?: TensorProto[];
}): GraphProto {
  return create(GraphProtoSchema, {
    name: fields.name ?? "test",
    node: fields.nodes,
    input: fields.inputs ?? [],
    output: fields.outputs,
    valueInfo: fields.values ?? [],
    initializer: fields.initializers ?? [],
  });
}

/** A function of domain "local". */
export function definition(fields: {
  name: string;
  inputs: string[];
  outputs: string[];
  nodes: NodeProto[];
  attributes?: string[];
  defaults?: AttributeProto[];
  opset?: number;
}): FunctionProto {
  return create(FunctionProtoSchema, {
    name: fields.name,
    domain: "local",
    input: fields.inputs,
    output: fields.outputs,
    node: fields.nodes,
    attribute: fields.attributes ?? [],
    attributeProto: fields.defaults ?? [],
    opsetImport: [
      create(OperatorSetIdProtoSchema, { version: BigInt(fields.opset ?? 18) }),
      create(OperatorSetIdProtoSchema, { domain: "local", version: 1n }),
    ],
  });
}

/** The bytes of a file. */
export function fileOf(
  main: GraphProto,
  {
    opset = 18,
    ir = 8,
    domains = {},
    functions = [],
  }: { opset?: number; ir?: number; domains?: Record<string, number>; functions?: FunctionProto[] } = {},
): Uint8Array<ArrayBuffer> {
  const all = { "": opset, ...(functions.length > 0 && { local: 1 }), ...domains };
  return toBinary(
    ModelProtoSchema,
    create(ModelProtoSchema, {
      irVersion: BigInt(ir),
      opsetImport: Object.entries(all).map(([domain, version]) =>
        create(OperatorSetIdProtoSchema, { domain, version: BigInt(version) }),
      ),
      graph: main,
      functions,
    }),
  ) as Uint8Array<ArrayBuffer>;
}

/** What a file's own bytes give in the runtime: the truth that what was read has to agree with. */
export async function runFile(
  file: Uint8Array,
  feeds: Readonly<Record<string, TestTensor>>,
): Promise<Record<string, { shape: readonly number[]; data: Float32Array }>> {
  const session = await ort.InferenceSession.create(file, { logSeverityLevel: 4, intraOpNumThreads: 1 });
  const tensors = Object.entries(feeds).map(([name, { shape, data }]) => [
    name,
    new ort.Tensor("float32", data as Float32Array, [...shape]),
  ]);
  const results = await session.run(Object.fromEntries(tensors));
  return Object.fromEntries(
    Object.entries(results).map(([name, { dims, data }]) => [name, { shape: dims, data: data as Float32Array }]),
  );
}
