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
  "Mod",
  "Sum",
  "Mean",
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
  "IsNaN",
  // elementwise, one input
  "Neg",
  "Abs",
  "Sign",
  "Floor",
  "Ceil",
  "Round",
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
  "LeakyRelu",
  "PRelu",
  "Elu",
  "Selu",
  "HardSigmoid",
  "HardSwish",
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
  "Range",
  // rearranging
  "Reshape",
  "Flatten",
  "Unsqueeze",
  "Squeeze",
  "Transpose",
  "Expand",
  "Tile",
  "DepthToSpace",
  "SpaceToDepth",
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
  "GatherND",
  "ScatterND",
  "TopK",
  "ArgMax",
  "ArgMin",
  // reductions
  "ReduceSum",
  "ReduceMean",
  "ReduceMax",
  "ReduceMin",
  "ReduceProd",
  "ReduceL1",
  "ReduceL2",
  "ReduceSumSquare",
  "ReduceLogSumExp",
  "CumSum",
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
