import type { AttributeMessage, GraphMessage, ModelMessage, NodeMessage, TensorMessage } from "./messages.js";
import { damaged } from "./problems.js";
import { type TensorPlace, tensorPlace } from "./tensors.js";

/** Tensors whose entries are the same bytes, outside of the decoded model. */
export interface PlacedTensor {
  readonly place: TensorPlace;
  /** The tensors; more than one when a file stores equal ones once. */
  readonly messages: readonly TensorMessage[];
  /** What messages call the first of them. */
  readonly what: string;
}

/**
 * The tensors of a model whose entries have to be fetched from somewhere, by file and in the order in which they lie there.
 * @throws FormatError when places overlap: a small file could otherwise claim any amount of memory
 */
export function placedTensors(model: ModelMessage): PlacedTensor[] {
  const placed = new Map<string, { place: TensorPlace; messages: TensorMessage[]; what: string }>();
  for (const message of tensorsOf(model)) {
    const what = `the tensor "${message.name}"`;
    const place = tensorPlace(message, what);
    if (!place) {
      continue;
    }
    const key = JSON.stringify([place.location ?? null, place.offset, place.length]);
    const same = placed.get(key);
    if (same) {
      same.messages.push(message);
    } else {
      placed.set(key, { place, messages: [message], what });
    }
  }
  const sorted = [...placed.values()].sort(
    ({ place: a }, { place: b }) => compareText(a.location ?? "", b.location ?? "") || a.offset - b.offset,
  );
  sorted.forEach(({ place, what }, i) => {
    const before = sorted[i - 1]?.place;
    if (before && before.location === place.location && before.offset + before.length > place.offset) {
      damaged(`${what} overlaps another one in the file "${place.location ?? "itself"}"`);
    }
  });
  return sorted;
}

const compareText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

function* tensorsOf(model: ModelMessage): Iterable<TensorMessage> {
  if (model.graph) {
    yield* inGraph(model.graph);
  }
  for (const { nodes, defaults } of model.functions) {
    yield* inNodes(nodes);
    yield* inAttributes(defaults);
  }
}

function* inGraph({ initializers, nodes }: GraphMessage): Iterable<TensorMessage> {
  yield* initializers;
  yield* inNodes(nodes);
}

function* inNodes(nodes: readonly NodeMessage[]): Iterable<TensorMessage> {
  for (const { attributes } of nodes) {
    yield* inAttributes(attributes);
  }
}

function* inAttributes(attributes: readonly AttributeMessage[]): Iterable<TensorMessage> {
  for (const { tensor, graph } of attributes) {
    if (tensor) {
      yield tensor;
    }
    if (graph) {
      yield* inGraph(graph);
    }
  }
}
