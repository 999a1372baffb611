import { valuesRead } from "./subgraphs.js";
import type { Graph, Node, TensorType } from "./types.js";

/** A node whose inputs are being visited, and how far. */
interface Frame {
  readonly node: Node;
  readonly reads: readonly string[];
  next: number;
}

/** The node that makes each value. Inputs and initializers have none. */
export function producers(graph: Graph): Map<string, Node> {
  const made = new Map<string, Node>();
  for (const node of graph.nodes) {
    for (const output of node.outputs) {
      if (output !== "") {
        made.set(output, node);
      }
    }
  }
  return made;
}

/** The nodes that read each value. */
export function consumers(graph: Graph): Map<string, Node[]> {
  const read = new Map<string, Node[]>();
  for (const node of graph.nodes) {
    for (const input of new Set(valuesRead(node))) {
      if (input !== "") {
        const list = read.get(input);
        if (list) {
          list.push(node);
        } else {
          read.set(input, [node]);
        }
      }
    }
  }
  return read;
}

/**
 * The nodes in an order in which every value is made before it is read, keeping the given order where it is free, or
 * `undefined` when the nodes form a cycle.
 */
export function topologicalOrder(graph: Graph): Node[] | undefined {
  const made = producers(graph);
  const state = new Map<Node, "open" | "done">();
  const order: Node[] = [];
  for (const root of graph.nodes) {
    const stack: Frame[] = state.has(root) ? [] : [{ node: root, reads: valuesRead(root), next: 0 }];
    while (stack.length > 0) {
      const frame = stack[stack.length - 1]!;
      state.set(frame.node, "open");
      const input = frame.reads[frame.next++];
      if (input === undefined) {
        state.set(frame.node, "done");
        order.push(frame.node);
        stack.pop();
        continue;
      }
      const producer = made.get(input);
      if (producer && state.get(producer) === "open") {
        return undefined;
      }
      if (producer && !state.has(producer)) {
        stack.push({ node: producer, reads: valuesRead(producer), next: 0 });
      }
    }
  }
  return order;
}

/** Type of any value: input, initializer or intermediate; `undefined` when it has not been inferred. */
export function typeOf(graph: Graph, name: string): TensorType | undefined {
  return graph.inputs.find((input) => input.name === name) ?? graph.initializers.get(name) ?? graph.valueInfo.get(name);
}
