import { create, toBinary } from "@bufbuild/protobuf";
import {
  GraphProtoSchema,
  ModelProtoSchema,
  NodeProtoSchema,
  OperatorSetIdProtoSchema,
  StringStringEntryProtoSchema,
  TensorShapeProto_DimensionSchema,
  TensorShapeProtoSchema,
  TypeProto_TensorSchema,
  TypeProtoSchema,
  type ValueInfoProto,
  ValueInfoProtoSchema,
} from "onnx-buf";
import { type Graph, type TensorType, typeOf, validate } from "../ir/index.js";
import { inferTypes, onnxTypeCode } from "../ops/index.js";
import { attributeProto } from "./attributes.js";
import { parametersKey } from "./parse.js";
import { tensorProto } from "./tensors.js";

/** Version of the file format that goes with the operator set that is written. */
const irVersion = 8n;

/**
 * The graph as the bytes of an `.onnx` file that any ONNX runtime takes. `parseOnnx` gives the same graph back, the names of
 * its parameters included (they travel in the model's metadata). The same graph gives the same bytes.
 * @throws ArgumentError when the graph is not well formed
 */
export function writeOnnx(graph: Graph): Uint8Array<ArrayBuffer> {
  validate(graph);
  const typed = graph.outputs.every((name) => typeOf(graph, name)) ? graph : inferTypes(graph);
  const model = create(ModelProtoSchema, {
    irVersion,
    opsetImport: [create(OperatorSetIdProtoSchema, { domain: "", version: BigInt(graph.opset) })],
    producerName: "diffusiongym",
    metadataProps: [
      create(StringStringEntryProtoSchema, { key: parametersKey, value: JSON.stringify(graph.parameters) }),
    ],
    graph: create(GraphProtoSchema, {
      name: graph.name,
      input: graph.inputs.map((input) => valueInfo(input.name, input)),
      output: graph.outputs.map((name) => valueInfo(name, typeOf(typed, name)!)),
      initializer: [...graph.initializers].map(([name, tensor]) => tensorProto(tensor, name)),
      node: graph.nodes.map((node) =>
        create(NodeProtoSchema, {
          name: node.name,
          opType: node.op,
          domain: node.domain,
          input: [...node.inputs],
          output: [...node.outputs],
          attribute: Object.entries(node.attributes).map(([name, value]) => attributeProto(name, value)),
        }),
      ),
    }),
  });
  return toBinary(ModelProtoSchema, model);
}

function valueInfo(name: string, { type, shape }: TensorType): ValueInfoProto {
  const dim = shape.map((length) =>
    create(TensorShapeProto_DimensionSchema, {
      value:
        typeof length === "number" ? { case: "dimValue", value: BigInt(length) } : { case: "dimParam", value: length },
    }),
  );
  const tensor = create(TypeProto_TensorSchema, {
    elemType: onnxTypeCode[type],
    shape: create(TensorShapeProtoSchema, { dim }),
  });
  return create(ValueInfoProtoSchema, {
    name,
    type: create(TypeProtoSchema, { value: { case: "tensorType", value: tensor } }),
  });
}
