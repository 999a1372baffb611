import { type AttributeValue, attribute, type Subgraph } from "../ir/index.js";
import { decodeText } from "./decode.js";
import { type AttributeMessage, attributeKind, type GraphMessage, type TensorMessage } from "./messages.js";
import { unsupported } from "./problems.js";

/** What turns the parts of an attribute that are not plain into what they stand for. */
export interface AttributeReaders {
  readonly tensor: (message: TensorMessage, what: string) => Extract<AttributeValue, { kind: "tensor" }>["value"];
  readonly graph: (message: GraphMessage, what: string) => Subgraph;
}

const kindNames = new Map(Object.entries(attributeKind).map(([name, kind]) => [kind as number, name]));

/** An attribute of a file. */
export function readAttribute(message: AttributeMessage, node: string, readers: AttributeReaders): AttributeValue {
  const what = `the attribute "${message.name}" of ${node}`;
  switch (message.kind) {
    case attributeKind.float:
      return attribute.float(message.float);
    case attributeKind.int:
      return attribute.int(message.integer);
    case attributeKind.string:
      return attribute.string(decodeText(message.string, what));
    case attributeKind.tensor:
      return message.tensor
        ? attribute.tensor(readers.tensor(message.tensor, what))
        : unsupported(`${what} has no value`);
    case attributeKind.graph:
      return message.graph
        ? { kind: "graph", value: readers.graph(message.graph, what) }
        : unsupported(`${what} has no value`);
    case attributeKind.floats:
      return attribute.floats(message.floats);
    case attributeKind.ints:
      return attribute.ints(message.integers);
    case attributeKind.strings:
      return { kind: "strings", value: message.strings.map((bytes) => decodeText(bytes, what)) };
    default:
      return unsupported(`${what} is of the kind ${kindNames.get(message.kind) ?? message.kind}`);
  }
}
