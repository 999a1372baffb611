/**
 * The messages of an ONNX file (onnx.proto3, IR versions 3 to 11) as far as they are read, and the numbers of their fields.
 * Fields that are not listed are passed over.
 */

/** How the value of a field is read. */
export type FieldKind = "integer" | "float" | "text" | "bytes" | MessageType;

/** One field of a message. */
export interface Field {
  readonly name: string;
  readonly kind: FieldKind;
  /** Comes any number of times. */
  readonly many: boolean;
  /** Is `undefined` rather than 0 when it does not come. @default false */
  readonly maybe?: boolean;
}

/** A message: its fields by number. */
export interface MessageType {
  readonly name: string;
  readonly fields: Readonly<Record<number, Field>>;
  /** Keep the message's own bytes as `bytes`. */
  readonly keepBytes?: boolean;
}

const one = (name: string, kind: FieldKind): Field => ({ name, kind, many: false });
const many = (name: string, kind: FieldKind): Field => ({ name, kind, many: true });

/** A pair of texts. */
export interface EntryMessage {
  key: string;
  value: string;
}
const entryType: MessageType = {
  name: "StringStringEntry",
  fields: { 1: one("key", "text"), 2: one("value", "text") },
};

/** A stored tensor. Its entries stay in `bytes` until they are asked for. */
export interface TensorMessage {
  name: string;
  dims: number[];
  dataType: number;
  /** Entries as little-endian bytes. */
  rawData: Uint8Array | undefined;
  externalData: EntryMessage[];
  /** 1 when the entries are in another file. */
  dataLocation: number;
  segment: object | undefined;
  /** The whole message, in which typed entries are found. */
  bytes: Uint8Array;
  /** Where the entries lie in the file itself, when only the rest of the message was read. */
  stored?: { readonly offset: number; readonly length: number };
}
export const tensorType: MessageType = {
  name: "Tensor",
  keepBytes: true,
  fields: {
    1: many("dims", "integer"),
    2: one("dataType", "integer"),
    3: one("segment", { name: "Segment", fields: {} }),
    8: one("name", "text"),
    9: { name: "rawData", kind: "bytes", many: false, maybe: true },
    13: many("externalData", entryType),
    14: one("dataLocation", "integer"),
  },
};

/** One length of a shape. */
export interface DimensionMessage {
  length: number | undefined;
  symbol: string;
}

/** A type; only tensors are read further. */
export interface TypeMessage {
  tensor: { elementType: number; shape: { dimensions: DimensionMessage[] } | undefined } | undefined;
}
const dimensionType: MessageType = {
  name: "Dimension",
  fields: { 1: { name: "length", kind: "integer", many: false, maybe: true }, 2: one("symbol", "text") },
};
const shapeType: MessageType = { name: "TensorShape", fields: { 1: many("dimensions", dimensionType) } };
const tensorTypeType: MessageType = {
  name: "TensorType",
  fields: { 1: one("elementType", "integer"), 2: one("shape", shapeType) },
};
const typeType: MessageType = { name: "Type", fields: { 1: one("tensor", tensorTypeType) } };

/** Name and type of a value. */
export interface ValueMessage {
  name: string;
  type: TypeMessage | undefined;
}
const valueType: MessageType = { name: "ValueInfo", fields: { 1: one("name", "text"), 2: one("type", typeType) } };

/** `AttributeProto.AttributeType`. */
export const attributeKind = {
  float: 1,
  int: 2,
  string: 3,
  tensor: 4,
  graph: 5,
  floats: 6,
  ints: 7,
  strings: 8,
  tensors: 9,
  graphs: 10,
  sparse: 11,
} as const;

/** An attribute of a node. */
export interface AttributeMessage {
  name: string;
  /** In a function's body: the attribute of the function that this one stands for. */
  reference: string;
  kind: number;
  float: number;
  integer: number;
  string: Uint8Array;
  tensor: TensorMessage | undefined;
  graph: GraphMessage | undefined;
  floats: number[];
  integers: number[];
  strings: Uint8Array[];
}

/** One operator application. */
export interface NodeMessage {
  name: string;
  operator: string;
  domain: string;
  overload: string;
  inputs: string[];
  outputs: string[];
  attributes: AttributeMessage[];
  metadata: EntryMessage[];
}

/** A graph, or the body of a branch or loop. */
export interface GraphMessage {
  name: string;
  nodes: NodeMessage[];
  initializers: TensorMessage[];
  sparseInitializers: object[];
  inputs: ValueMessage[];
  outputs: ValueMessage[];
  values: ValueMessage[];
}

/** A function of the model: an operator made of others. */
export interface FunctionMessage {
  name: string;
  domain: string;
  overload: string;
  inputs: string[];
  outputs: string[];
  /** Names of attributes without a default. */
  attributes: string[];
  /** Attributes with one. */
  defaults: AttributeMessage[];
  nodes: NodeMessage[];
  operatorSets: OperatorSetMessage[];
}

/** Version of an operator set. */
export interface OperatorSetMessage {
  domain: string;
  version: number;
}

/** A whole file. */
export interface ModelMessage {
  irVersion: number;
  operatorSets: OperatorSetMessage[];
  metadata: EntryMessage[];
  producer: string;
  graph: GraphMessage | undefined;
  functions: FunctionMessage[];
}

// Attributes hold graphs and graphs hold attributes, so the fields of one are filled in behind the other.
const attributeFields: Record<number, Field> = {};
const attributeType: MessageType = { name: "Attribute", fields: attributeFields };
const nodeType: MessageType = {
  name: "Node",
  fields: {
    1: many("inputs", "text"),
    2: many("outputs", "text"),
    3: one("name", "text"),
    4: one("operator", "text"),
    5: many("attributes", attributeType),
    7: one("domain", "text"),
    8: one("overload", "text"),
    9: many("metadata", entryType),
  },
};
export const graphType: MessageType = {
  name: "Graph",
  fields: {
    1: many("nodes", nodeType),
    2: one("name", "text"),
    5: many("initializers", tensorType),
    11: many("inputs", valueType),
    12: many("outputs", valueType),
    13: many("values", valueType),
    15: many("sparseInitializers", { name: "SparseTensor", fields: {} }),
  },
};
Object.assign(attributeFields, {
  1: one("name", "text"),
  2: one("float", "float"),
  3: one("integer", "integer"),
  4: one("string", "bytes"),
  5: one("tensor", tensorType),
  6: one("graph", graphType),
  7: many("floats", "float"),
  8: many("integers", "integer"),
  9: many("strings", "bytes"),
  20: one("kind", "integer"),
  21: one("reference", "text"),
});
const operatorSetType: MessageType = {
  name: "OperatorSet",
  fields: { 1: one("domain", "text"), 2: one("version", "integer") },
};
const functionType: MessageType = {
  name: "Function",
  fields: {
    1: one("name", "text"),
    4: many("inputs", "text"),
    5: many("outputs", "text"),
    6: many("attributes", "text"),
    7: many("nodes", nodeType),
    9: many("operatorSets", operatorSetType),
    10: one("domain", "text"),
    11: many("defaults", attributeType),
    13: one("overload", "text"),
  },
};
export const modelType: MessageType = {
  name: "Model",
  fields: {
    1: one("irVersion", "integer"),
    2: one("producer", "text"),
    7: one("graph", graphType),
    8: many("operatorSets", operatorSetType),
    14: many("metadata", entryType),
    25: many("functions", functionType),
  },
};
