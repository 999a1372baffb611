import { ArgumentError, Tensor } from "@diffusiongym/core";
import type { ElementType } from "../ir/index.js";
import { narrowFloat16, widenFloat16 } from "../safetensors/index.js";
import type { OnnxRuntime, RuntimeArray, RuntimeTensor } from "./runtime.js";

/**
 * A tensor of the runtime for a graph input. Floats, 32-bit integers and bytes are shared, not copied; an `int64` input
 * takes an int32 tensor and a `float64` or `float16` input a float32 tensor, which are converted.
 * @throws ArgumentError when the tensor is of another kind than the input
 */
export function toRuntimeTensor(
  runtime: OnnxRuntime,
  { name, type, tensor }: { readonly name: string; readonly type: ElementType; readonly tensor: Tensor },
): RuntimeTensor {
  const data = toRuntimeArray(name, type, tensor.data);
  if (data === undefined) {
    throw new ArgumentError(
      `The input "${name}" takes ${type} and was given a ${tensor.type} tensor.`,
      name,
      tensor.type,
    );
  }
  return new runtime.Tensor(type, data, tensor.shape);
}

/**
 * A tensor of ours over what the runtime gave. Truth values become bytes, 16-bit floats and float64 float32, integers of other
 * lengths int32.
 */
export function fromRuntimeTensor(name: string, { type, data, dims }: RuntimeTensor): Tensor {
  if (type === "float16") {
    return new Tensor(widenFloat16(new Uint16Array(data.buffer, data.byteOffset, data.length)), dims);
  }
  if (data instanceof Float32Array || data instanceof Int32Array || data instanceof Uint8Array) {
    return new Tensor(data, dims);
  }
  if (data instanceof Float64Array) {
    return new Tensor(Float32Array.from(data), dims);
  }
  if (ArrayBuffer.isView(data)) {
    return new Tensor(toInt32(name, data), dims);
  }
  throw new ArgumentError(
    `The output "${name}" is of type ${type}, which no tensor holds; cast it to float32 in the graph.`,
    name,
  );
}

function toRuntimeArray(name: string, type: ElementType, data: Tensor["data"]): RuntimeArray | undefined {
  switch (type) {
    case "float32":
      return data instanceof Float32Array ? data : undefined;
    case "float64":
      return data instanceof Float32Array ? Float64Array.from(data) : undefined;
    case "float16":
      return data instanceof Float32Array ? narrowFloat16(data) : undefined;
    case "bfloat16":
      return undefined;
    case "int32":
      return data instanceof Int32Array ? data : undefined;
    case "int64":
      return data instanceof Int32Array ? BigInt64Array.from(data, BigInt) : undefined;
    case "uint64":
      return data instanceof Int32Array ? BigUint64Array.from(data, (entry) => BigInt(entry)) : undefined;
    case "uint8":
    case "bool":
      return data instanceof Uint8Array ? data : undefined;
    default:
      return data instanceof Int32Array ? fromInt32(name, type, data) : undefined;
  }
}

const shortArrays = { int16: Int16Array, int8: Int8Array, uint32: Uint32Array, uint16: Uint16Array } as const;

function fromInt32(name: string, type: keyof typeof shortArrays, data: Int32Array): RuntimeArray {
  const out = shortArrays[type].from(data);
  const index = data.findIndex((entry, i) => entry !== out[i]);
  if (index >= 0) {
    throw new ArgumentError(`The input "${name}" takes ${type} and was given ${data[index]}.`, name, data[index]);
  }
  return out;
}

function toInt32(name: string, data: Exclude<RuntimeArray, Float32Array | Float64Array>): Int32Array {
  const out = new Int32Array(data.length);
  for (let i = 0; i < data.length; i++) {
    const value = Number(data[i]!);
    if (value !== (value | 0)) {
      throw new ArgumentError(`The output "${name}" holds ${data[i]}, which does not fit into 32 bits.`, name, data[i]);
    }
    out[i] = value;
  }
  return out;
}
