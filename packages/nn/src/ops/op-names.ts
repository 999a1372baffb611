/**
 * Every operator that this package knows. Each has an entry in the table `ops` (without one this does not compile) and a
 * case in the finite-difference tests (without one they fail). A new operator is added here first, then in the file of its
 * family. Those that can be written as others (GroupNormalization, Gelu) become these on import instead.
 */
export const opNames = [
  // elementwise, two or more inputs
  "Add",
  "Sub",
  "Mul",
  "Div",
  "Pow",
  "Max",
  "Min",
  "Where",
  "Clip",
  // comparisons and logic
  "Equal",
  "Greater",
  "GreaterOrEqual",
  "Less",
  "LessOrEqual",
  "And",
  "Or",
  "Not",
  // elementwise, one input
  "Neg",
  "Abs",
  "Sign",
  "Floor",
  "Reciprocal",
  "Sqrt",
  "Exp",
  "Log",
  "Sin",
  "Cos",
  "Tanh",
  "Sigmoid",
  "Softplus",
  "Erf",
  "Relu",
  "Identity",
  "Cast",
  // matrix products
  "MatMul",
  "Gemm",
  // convolutions, pooling, resampling
  "Conv",
  "ConvTranspose",
  "AveragePool",
  "MaxPool",
  "GlobalAveragePool",
  "Resize",
  // shapes as values
  "Shape",
  "Size",
  "ConstantOfShape",
  "NonZero",
  // rearranging
  "Reshape",
  "Flatten",
  "Unsqueeze",
  "Squeeze",
  "Transpose",
  "Expand",
  "Trilu",
  // joining and cutting
  "Concat",
  "Split",
  "Slice",
  "Pad",
  // indexing
  "Gather",
  "GatherElements",
  "ScatterElements",
  // reductions
  "ReduceSum",
  "ReduceMean",
  "ReduceMax",
  "ReduceMin",
  // normalisation
  "LayerNormalization",
  "InstanceNormalization",
  "BatchNormalization",
  "Softmax",
  "LogSoftmax",
] as const;

/** Name of an operator in the table. */
export type OpName = (typeof opNames)[number];

const known: ReadonlySet<string> = new Set(opNames);

/** True for operators in the table. */
export function isOpName(op: string): op is OpName {
  return known.has(op);
}
