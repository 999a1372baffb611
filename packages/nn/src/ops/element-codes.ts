import type { ElementType } from "../ir/index.js";

/** Number of each element type in ONNX's `TensorProto.DataType`. */
export const onnxTypeCode: Readonly<Record<ElementType, number>> = {
  float32: 1,
  uint8: 2,
  int32: 6,
  int64: 7,
  bool: 9,
  float64: 11,
};
