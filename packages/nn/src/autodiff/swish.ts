import { type Graph, type Node, producers, type ValueInfo } from "../ir/index.js";
import type { Differentiation } from "../ops/index.js";

/** A node y = x sigmoid(x), which is two operators in ONNX. */
export interface Swish {
  /** Name of x. */
  readonly x: string;
  /** Name of sigmoid(x). */
  readonly sigmoid: string;
}

const cache = new WeakMap<Graph, Map<string, Node>>();

/** Recognises the product of a value and its sigmoid, in either order. */
export function isSwish(graph: Graph, node: Node): Swish | undefined {
  if (node.op !== "Mul") {
    return undefined;
  }
  let made = cache.get(graph);
  if (!made) {
    made = producers(graph);
    cache.set(graph, made);
  }
  for (const [x, sigmoid] of [node.inputs, [...node.inputs].reverse()] as [string, string][]) {
    const producer = made.get(sigmoid);
    if (producer?.op === "Sigmoid" && producer.inputs[0] === x) {
      return { x, sigmoid };
    }
  }
  return undefined;
}

// y = x s,  s = sigmoid(x):  dx = dy (s + y (1 - s)): four passes over the tensor where the two rules in turn take six.
export function gradientOfSwish(node: Differentiation, { sigmoid }: Swish): ValueInfo {
  const { write } = node;
  const s = write.value(sigmoid);
  const slope = write.add(s, write.mul(node.output(0), write.sub(1, s)));
  return write.mul(node.cotangent(0)!, slope);
}
