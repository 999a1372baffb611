import type { Dimension, TensorType, ValueInfo } from "../ir/index.js";
import type { OperatorSetMessage, ValueMessage } from "./messages.js";
import { damaged, unsupported } from "./problems.js";
import { elementType, findElementType } from "./tensors.js";

/** Oldest and newest ONNX operator sets that are read. */
export const readableOpsets = [13, 22] as const;

/** The version of ONNX's own operator set among those that a file uses. */
export function requireOperatorSet(sets: readonly OperatorSetMessage[]): number {
  const opset = sets.find(({ domain }) => domain === "" || domain === "ai.onnx")?.version ?? 0;
  const [oldest, newest] = readableOpsets;
  if (opset < oldest || opset > newest) {
    unsupported(
      `it uses the operator set ${opset}; sets ${oldest} to ${newest} are read. Convert it, or export it again`,
    );
  }
  return opset;
}

/** An input of a graph. */
export function readInput(message: ValueMessage): ValueInfo {
  const what = `the input "${message.name}"`;
  const tensor = message.type?.tensor;
  if (!tensor) {
    return unsupported(`${what} is not a tensor`);
  }
  if (!tensor.shape) {
    return unsupported(`${what} has no shape; export it with a fixed number of axes`);
  }
  const shape = tensor.shape.dimensions.map(({ length, symbol }, axis): Dimension => {
    if (length === undefined) {
      return symbol === "" ? `${message.name}.${axis}` : symbol;
    }
    return length < 0 || length >= Number.MAX_SAFE_INTEGER
      ? damaged(`${what} has an axis of length ${length}`)
      : length;
  });
  return { name: message.name, type: elementType(tensor.elementType, what), shape };
}

/** The type that a file declares for a value, when it is a tensor whose axes all have a length or a symbol. */
export function tensorTypeOf(message: ValueMessage): TensorType | undefined {
  const tensor = message.type?.tensor;
  const dimensions = tensor?.shape?.dimensions;
  const type = tensor && findElementType(tensor.elementType);
  if (!type || !dimensions) {
    return undefined;
  }
  const shape = dimensions.map(
    ({ length, symbol }, axis): Dimension =>
      length !== undefined && length >= 0 && length < Number.MAX_SAFE_INTEGER
        ? length
        : symbol || `${message.name}.${axis}`,
  );
  return { type, shape };
}
