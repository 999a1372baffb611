export type { ImportOptions } from "./import-model.js";
export { type FileProgress, type OpenOnnxOptions, openOnnx } from "./open.js";
export { type ParseOnnxOptions, parseOnnx } from "./parse.js";
export { type SaveOnnxOptions, saveOnnx } from "./save.js";
export type { NewName, Renaming } from "./stored-names.js";
export type { Precision } from "./tensors.js";
export type { Trainable } from "./trainable.js";
export { readableOpsets } from "./values.js";
export { encodeOnnx, type Placing, tensorBytes, type WrittenPlace, writeOnnx } from "./write.js";
