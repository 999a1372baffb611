import { create } from "@bufbuild/protobuf";
import { AttributeProto_AttributeType as AttributeKind, type AttributeProto, AttributeProtoSchema } from "onnx-buf";
import { type AttributeValue, attribute } from "../ir/index.js";
import { unsupported } from "./problems.js";
import { readTensor, tensorProto } from "./tensors.js";

/** An integer of a file as a number; those beyond 2^53 mean "as far as it goes" and are clamped. */
export function toNumber(value: bigint): number {
  return Math.max(Number.MIN_SAFE_INTEGER, Math.min(Number.MAX_SAFE_INTEGER, Number(value)));
}

/** An attribute of a file. */
export function readAttribute(proto: AttributeProto, node: string): AttributeValue {
  const what = `the attribute "${proto.name}" of ${node}`;
  switch (proto.type) {
    case AttributeKind.FLOAT:
      return attribute.float(proto.f);
    case AttributeKind.INT:
      return attribute.int(toNumber(proto.i));
    case AttributeKind.STRING:
      return attribute.string(new TextDecoder().decode(proto.s));
    case AttributeKind.TENSOR:
      return proto.t ? attribute.tensor(readTensor(proto.t, what)) : unsupported(`${what} has no value`);
    case AttributeKind.FLOATS:
      return attribute.floats(proto.floats);
    case AttributeKind.INTS:
      return attribute.ints(proto.ints.map(toNumber));
    case AttributeKind.STRINGS:
      return { kind: "strings", value: proto.strings.map((bytes) => new TextDecoder().decode(bytes)) };
    default:
      return unsupported(`${what} is of the kind ${AttributeKind[proto.type] ?? proto.type}`);
  }
}

/** An attribute for a file. */
export function attributeProto(name: string, given: AttributeValue): AttributeProto {
  const text = (value: string): Uint8Array<ArrayBuffer> => new TextEncoder().encode(value);
  switch (given.kind) {
    case "float":
      return create(AttributeProtoSchema, { name, type: AttributeKind.FLOAT, f: given.value });
    case "int":
      return create(AttributeProtoSchema, { name, type: AttributeKind.INT, i: BigInt(given.value) });
    case "string":
      return create(AttributeProtoSchema, { name, type: AttributeKind.STRING, s: text(given.value) });
    case "tensor":
      return create(AttributeProtoSchema, { name, type: AttributeKind.TENSOR, t: tensorProto(given.value) });
    case "floats":
      return create(AttributeProtoSchema, { name, type: AttributeKind.FLOATS, floats: [...given.value] });
    case "ints":
      return create(AttributeProtoSchema, { name, type: AttributeKind.INTS, ints: given.value.map(BigInt) });
    case "strings":
      return create(AttributeProtoSchema, { name, type: AttributeKind.STRINGS, strings: given.value.map(text) });
  }
}
