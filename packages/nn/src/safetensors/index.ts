export { elementTypeOf, type SafetensorsArrays, type SafetensorsType } from "./element-types.js";
export { SafetensorsFile } from "./file.js";
export { narrowBFloat16, narrowFloat16, widenBFloat16, widenFloat16 } from "./half-precision.js";
export { readSafetensors, type Safetensors, type SafetensorsTensor } from "./read.js";
export { type WritableTensor, writeSafetensors } from "./write.js";
