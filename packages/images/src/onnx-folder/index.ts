export { adaptDenoiser, type Denoiser, type DenoiserOptions, printedInputs } from "./denoiser.js";
export { type ComponentOptions, type InputLengths, type JsonRecord, OnnxFolder } from "./onnx-folder.js";
export type { DeclaredInput } from "./onnx-header.js";
