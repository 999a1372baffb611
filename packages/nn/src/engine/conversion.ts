import { ArgumentError, Tensor } from "@diffusiongym/core";
import type { ElementType } from "../ir/index.js";
import type { OnnxRuntime, RuntimeArray, RuntimeTensor } from "./runtime.js";

/**
 * A tensor of the runtime for a graph input. Floats, 32-bit integers and bytes are shared, not copied; an `int64` input
 * takes an int32 tensor and a `float64` input a float32 tensor, both widened.
 * @throws ArgumentError when the tensor is of another kind than the input
 */
export function toRuntimeTensor(
  runtime: OnnxRuntime,
  { name, type, tensor }: { readonly name: string; readonly type: ElementType; readonly tensor: Tensor },
): RuntimeTensor {
  const data = toRuntimeArray(type, tensor.data);
  if (data === undefined) {
    throw new ArgumentError(
      `The input "${name}" takes ${type} and was given a ${tensor.type} tensor.`,
      name,
      tensor.type,
    );
  }
  return new runtime.Tensor(type, data, tensor.shape);
}

/** A tensor of ours over what the runtime gave. Truth values become bytes, int64 becomes int32, float64 float32. */
export function fromRuntimeTensor(name: string, { type, data, dims }: RuntimeTensor): Tensor {
  if (data instanceof Float32Array || data instanceof Int32Array || data instanceof Uint8Array) {
    return new Tensor(data, dims);
  }
  if (data instanceof Float64Array) {
    return new Tensor(Float32Array.from(data), dims);
  }
  if (data instanceof BigInt64Array) {
    return new Tensor(narrowIntegers(name, data), dims);
  }
  throw new ArgumentError(
    `The output "${name}" is of type ${type}, which no tensor holds; cast it to float32 in the graph.`,
    name,
  );
}

function toRuntimeArray(type: ElementType, data: Tensor["data"]): RuntimeArray | undefined {
  switch (type) {
    case "float32":
      return data instanceof Float32Array ? data : undefined;
    case "float64":
      return data instanceof Float32Array ? Float64Array.from(data) : undefined;
    case "int32":
      return data instanceof Int32Array ? data : undefined;
    case "int64":
      return data instanceof Int32Array ? BigInt64Array.from(data, BigInt) : undefined;
    case "uint8":
    case "bool":
      return data instanceof Uint8Array ? data : undefined;
  }
}

function narrowIntegers(name: string, data: BigInt64Array): Int32Array {
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
