export type { Application, Differentiation, GradientRule, OpDefinition, PartialValue } from "./definition.js";
export { broadcastShapes, equalShapes, printShape, productOf, staticShape } from "./dimensions.js";
export { createWriter, inferTypes } from "./infer.js";
export { isFloat } from "./inference.js";
export { isOpName, type OpName, opNames } from "./op-names.js";
export {
  type GemmOptions,
  type Operand,
  OpWriter,
  onnxTypeCode,
  type ReduceOptions,
  type SliceOptions,
} from "./op-writer.js";
export { findOp, ops } from "./table.js";
export { type DefinitionLookup, type EmitOptions, GraphWriter } from "./writer.js";
