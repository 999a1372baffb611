/** Element types of values in a graph. Trained parameters and everything differentiated are `float32`. */
export type ElementType = keyof ElementArrays;

/**
 * Array that holds the entries of each element type. `bool` is one byte an entry, 0 or 1; `float16` and `bfloat16` are the
 * bit patterns. The operator table computes with `float32`, `float64`, `int64`, `int32`, `uint8` and `bool`; the others are
 * carried for the runtime.
 */
export interface ElementArrays {
  float32: Float32Array;
  float64: Float64Array;
  float16: Uint16Array;
  bfloat16: Uint16Array;
  int64: BigInt64Array;
  int32: Int32Array;
  int16: Int16Array;
  int8: Int8Array;
  uint64: BigUint64Array;
  uint32: Uint32Array;
  uint16: Uint16Array;
  uint8: Uint8Array;
  bool: Uint8Array;
}

/** Length of an axis: a number, or a symbol such as `"N"` that is fixed only when the graph runs. */
export type Dimension = number | string;

/** Element type and shape of a value. Equal symbols in one graph are equal lengths. */
export interface TensorType {
  readonly type: ElementType;
  /** Lengths of the axes; `[]` is a scalar. */
  readonly shape: readonly Dimension[];
}

/** A named input of a graph. */
export interface ValueInfo extends TensorType {
  readonly name: string;
}

/** A tensor stored in a graph: a frozen weight, a constant, a shape. */
export type ConstantTensor = {
  [T in ElementType]: {
    readonly type: T;
    readonly shape: readonly number[];
    /** Row-major entries; as many as the product of `shape`. */
    readonly data: ElementArrays[T];
  };
}[ElementType];

/** Value of a node's attribute, tagged because ONNX tells integers and floats apart. */
export type AttributeValue =
  | { readonly kind: "int"; readonly value: number }
  | { readonly kind: "float"; readonly value: number }
  | { readonly kind: "string"; readonly value: string }
  | { readonly kind: "ints"; readonly value: readonly number[] }
  | { readonly kind: "floats"; readonly value: readonly number[] }
  | { readonly kind: "strings"; readonly value: readonly string[] }
  | { readonly kind: "tensor"; readonly value: ConstantTensor }
  | { readonly kind: "graph"; readonly value: Subgraph };

/** A node's attributes by name. */
export type Attributes = Readonly<Record<string, AttributeValue>>;

/**
 * The body of a branch or loop (If, Loop, Scan). It reads values of the graph around it by name and is carried for the
 * runtime: nothing is differentiated inside.
 */
export interface Subgraph {
  readonly name: string;
  /** Names of the values that the operator gives to the body, in order. */
  readonly inputs: readonly string[];
  /** Names of the values that the body gives back, in order. */
  readonly outputs: readonly string[];
  readonly nodes: readonly Node[];
  readonly initializers: ReadonlyMap<string, ConstantTensor>;
  /** Types of inputs and outputs, as far as they are known. */
  readonly valueInfo: ReadonlyMap<string, TensorType>;
}

/** One operator application. */
export interface Node {
  /** Operator, for example `MatMul`. */
  readonly op: string;
  /** Operator set: `""` is ONNX's own. */
  readonly domain: string;
  /** Unique in the graph, used in messages. */
  readonly name: string;
  /** Names of the values read; `""` where an optional input is absent. */
  readonly inputs: readonly string[];
  /** Names of the values made; `""` where an optional output is not wanted. */
  readonly outputs: readonly string[];
  readonly attributes: Attributes;
  /**
   * Set on a node that is only handed to the runtime: why this package knows neither what it makes nor its derivative.
   * What a file declares about its outputs is in `valueInfo`.
   */
  readonly opaque?: string;
}

/**
 * A network as ONNX sees it: nodes in topological order between named inputs and outputs. Graphs are values: every
 * transformation returns a new one and none is changed in place.
 */
export interface Graph {
  /** For messages and the ONNX file. */
  readonly name: string;
  /** Version of the ONNX operator set. */
  readonly opset: number;
  /** Versions of other operator sets, by domain, for example `com.microsoft`. @default version 1 of those that are used */
  readonly domains?: ReadonlyMap<string, number>;
  /** Inputs in order, thawed parameters among them. */
  readonly inputs: readonly ValueInfo[];
  /** Names of the outputs, in order. */
  readonly outputs: readonly string[];
  readonly nodes: readonly Node[];
  /** Constants and frozen parameters by name. */
  readonly initializers: ReadonlyMap<string, ConstantTensor>;
  /** Types of intermediate values and outputs, as far as they are known. */
  readonly valueInfo: ReadonlyMap<string, TensorType>;
  /**
   * Names of the trainable values, in order. Each is an input (thawed: fed at every run, so that it can be trained) or
   * an initializer (frozen: packed once by the runtime, so that inference is fast).
   */
  readonly parameters: readonly string[];
}

/** How a parameter starts, as plain data; which numbers come out depends on a random key and the parameter's name. */
export type Initialization =
  | { readonly kind: "constant"; readonly value: number }
  | { readonly kind: "uniform"; readonly low: number; readonly high: number }
  | { readonly kind: "normal"; readonly mean: number; readonly standardDeviation: number };

/** A trainable array that a network needs. */
export interface ParameterDeclaration {
  /** PyTorch state-dict name, for example `head.weight`. */
  readonly name: string;
  readonly shape: readonly number[];
  readonly initialization: Initialization;
}

/** Newest ONNX operator set that this package writes. */
export const defaultOpset = 18;
