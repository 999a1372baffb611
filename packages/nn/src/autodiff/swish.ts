import type { Node, ValueInfo } from "../ir/index.js";
import type { Differentiation } from "../ops/index.js";

/** A node y = x sigmoid(x), which is two operators in ONNX. */
export interface Swish {
  /** Name of x. */
  readonly x: string;
  /** Name of sigmoid(x). */
  readonly sigmoid: string;
  /** Which of the product's two inputs is sigmoid(x). */
  readonly position: 0 | 1;
}

/** Recognises the product of a value and its sigmoid, in either order. */
export function findSwish(node: Node, made: ReadonlyMap<string, Node>): Swish | undefined {
  const [first, second] = node.inputs;
  if (node.op !== "Mul" || first === undefined || second === undefined) {
    return undefined;
  }
  for (const [x, sigmoid, position] of [
    [first, second, 1],
    [second, first, 0],
  ] as const) {
    const producer = made.get(sigmoid);
    if (producer?.op === "Sigmoid" && producer.inputs[0] === x) {
      return { x, sigmoid, position };
    }
  }
  return undefined;
}

// y = x s,  s = sigmoid(x):  dx = dy (s + y (1 - s)): four passes over the tensor where the two rules in turn take six.
export function gradientOfSwish(node: Differentiation, { position }: Swish): ValueInfo {
  const { write } = node;
  const s = node.input(position);
  const slope = write.add(s, write.mul(node.output(0), write.sub(1, s)));
  return write.mul(node.cotangent(0)!, slope);
}
