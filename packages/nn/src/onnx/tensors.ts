import { create } from "@bufbuild/protobuf";
import { type TensorProto, TensorProto_DataLocation, TensorProto_DataType, TensorProtoSchema } from "onnx-buf";
import type { ConstantTensor, ElementType } from "../ir/index.js";
import { onnxTypeCode } from "../ops/index.js";
import { damaged, unsupported } from "./problems.js";

const typeByCode = new Map(Object.entries(onnxTypeCode).map(([type, code]) => [code, type as ElementType]));

const arrays = {
  float32: Float32Array,
  float64: Float64Array,
  int64: BigInt64Array,
  int32: Int32Array,
  uint8: Uint8Array,
  bool: Uint8Array,
} as const;

/** Element type of a number in `TensorProto.DataType`. */
export function elementType(code: number, what: string): ElementType {
  return (
    typeByCode.get(code) ??
    unsupported(
      `${what} has the element type ${TensorProto_DataType[code] ?? code}; supported are ${[...typeByCode.values()].join(", ")}`,
    )
  );
}

/** A tensor of a file, checked against its own shape before anything is allocated. */
export function readTensor(proto: TensorProto, what: string): ConstantTensor {
  if (proto.dataLocation === TensorProto_DataLocation.EXTERNAL || proto.externalData.length > 0) {
    unsupported(`${what} is stored in another file (external data), which this reader does not follow`);
  }
  if (proto.segment !== undefined) {
    unsupported(`${what} is stored in segments`);
  }
  const type = elementType(proto.dataType, what);
  const shape = proto.dims.map((dimension) => {
    if (dimension < 0n || dimension > BigInt(Number.MAX_SAFE_INTEGER)) {
      damaged(`${what} has an axis of length ${dimension}`);
    }
    return Number(dimension);
  });
  const size = shape.reduce((product, axis) => product * axis, 1);
  const make = arrays[type];
  let data: ConstantTensor["data"];
  if (proto.rawData.length > 0) {
    const expected = size * make.BYTES_PER_ELEMENT;
    if (proto.rawData.length !== expected) {
      damaged(`${what} of shape [${shape.join(", ")}] needs ${expected} bytes and has ${proto.rawData.length}`);
    }
    data = new make(Uint8Array.from(proto.rawData).buffer);
  } else {
    const entries = typedEntries(proto, type);
    if (entries.length !== size) {
      damaged(`${what} of shape [${shape.join(", ")}] needs ${size} entries and has ${entries.length}`);
    }
    data = type === "int64" ? BigInt64Array.from(entries as bigint[]) : arrays[type].from(entries as number[]);
  }
  return { type, shape, data } as ConstantTensor;
}

/** The field in which a tensor of each type is stored when it is not stored as bytes. */
function typedEntries(proto: TensorProto, type: ElementType): readonly number[] | readonly bigint[] {
  switch (type) {
    case "float32":
      return proto.floatData;
    case "float64":
      return proto.doubleData;
    case "int64":
      return proto.int64Data;
    default:
      return proto.int32Data;
  }
}

/** A tensor for a file, stored as little-endian bytes. */
export function tensorProto(tensor: ConstantTensor, name = ""): TensorProto {
  const { data } = tensor;
  return create(TensorProtoSchema, {
    name,
    dims: tensor.shape.map(BigInt),
    dataType: onnxTypeCode[tensor.type],
    rawData: new Uint8Array(data.buffer as ArrayBuffer, data.byteOffset, data.byteLength),
  });
}
