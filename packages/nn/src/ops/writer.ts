import { ArgumentError } from "@diffusiongym/core";
import {
  type Attributes,
  type ConstantTensor,
  constantTensor,
  defaultOpset,
  type ElementType,
  type Graph,
  int64Vector,
  type Node,
  type TensorType,
  UniqueNames,
  type ValueInfo,
} from "../ir/index.js";
import type { PartialValue } from "./application.js";
import { equalShapes } from "./dimensions.js";
import { keyOf, trimmed } from "./node-key.js";
import { type DefinitionLookup, NodeTyping, typeOfOutput } from "./node-typing.js";
import type { OpName } from "./op-names.js";
import { knownNumbers } from "./partial-values.js";
import { ValueTable } from "./value-table.js";

/** How a node is written. */
export interface EmitOptions {
  readonly attributes?: Attributes;
  /** How many outputs to make. @default 1 */
  readonly outputs?: number;
  /** Name of the first output, made unique. @default the operator's name in lower case */
  readonly name?: string;
}

/** Constants with more entries than this are not searched for an equal one. */
const largestSharedConstant = 64;

/**
 * Writes a graph node by node: infers the type of everything, computes shape arithmetic on the spot where it can, and
 * gives back the value it has when the same operation is asked for twice.
 */
export class GraphWriter {
  readonly #values: ValueTable;
  readonly #typing: NodeTyping;
  readonly #nodes: Node[] = [];
  readonly #inputs: ValueInfo[] = [];
  readonly #names = new UniqueNames();
  readonly #nodeNames = new UniqueNames();
  readonly #written = new Map<string, number>();
  readonly #constants = new Map<string, string>();
  readonly #parameters: string[] = [];
  /** What a continued graph says of its operator sets. */
  #versions: Pick<Graph, "opset" | "domains"> = { opset: defaultOpset };
  /**
   * @param lookup the operator table
   * @param from a graph to continue, or the name of a new one
   */
  constructor(lookup: DefinitionLookup, from: Graph | string) {
    this.#values = new ValueTable(typeof from === "string" ? from : from.name);
    this.#typing = new NodeTyping(lookup, this.#values);
    if (typeof from !== "string") {
      this.#continue(from);
    }
  }

  #continue(graph: Graph): void {
    this.#versions = { opset: graph.opset, ...(graph.domains && { domains: graph.domains }) };
    for (const input of graph.inputs) {
      this.declareInput(input.name, input);
    }
    for (const [name, tensor] of graph.initializers) {
      this.#names.reserve(name);
      this.#values.keep(name, tensor);
    }
    this.#parameters.push(...graph.parameters);
    for (const node of graph.nodes) {
      for (const output of node.outputs) {
        this.#names.reserve(output);
      }
    }
    for (const node of graph.nodes) {
      this.#nodeNames.reserve(node.name);
      if (node.opaque !== undefined) {
        this.#keepOpaque(node, node.opaque, graph.valueInfo);
        continue;
      }
      const types = this.#typing.infer(node, node.outputs[0] ?? node.name);
      const value = this.#typing.evaluate(node);
      node.outputs.forEach((output, i) => {
        if (output !== "") {
          this.#values.declare(output, typeOfOutput(node, types, i), i === 0 ? value : undefined);
        }
      });
      this.#written.set(keyOf(node.op, node.inputs, node.attributes), this.#nodes.length);
      this.#nodes.push(node);
    }
  }

  /** A node that only the runtime knows: its outputs have the types that the graph declares, if any. */
  #keepOpaque(node: Node, reason: string, declared: Graph["valueInfo"]): void {
    for (const output of node.outputs) {
      const type = declared.get(output);
      if (type) {
        this.#values.declare(output, type);
      } else {
        this.#values.declareUntyped(output, `${node.op} (node "${node.name}") makes it, and ${reason}`);
      }
    }
    this.#nodes.push(node);
  }

  /** Declares an input of the graph. */
  declareInput(name: string, { type, shape }: TensorType): ValueInfo {
    if (name === "" || !this.#names.reserve(name)) {
      throw new ArgumentError(
        `The graph "${this.#values.graphName}" has a value called "${name}" already.`,
        "name",
        name,
      );
    }
    const info = { name, type, shape };
    this.#inputs.push(info);
    this.#values.declare(name, info);
    return info;
  }

  /** The inputs declared so far. */
  inputs(): readonly ValueInfo[] {
    return this.#inputs;
  }

  /** Marks an input or initializer as trainable. */
  markParameter(name: string): void {
    this.#parameters.push(name);
  }

  /** A constant; small equal ones are stored once. */
  constant(tensor: ConstantTensor, name = "constant"): ValueInfo {
    const key =
      tensor.data.length <= largestSharedConstant ? `${tensor.type}|${tensor.shape}|${tensor.data.join()}` : undefined;
    // `join` prints -0 as 0, which would merge two different constants.
    const shareable =
      key !== undefined && !Array.from<number | bigint>(tensor.data).some((entry) => Object.is(entry, -0));
    const existing = shareable ? this.#constants.get(key) : undefined;
    if (existing !== undefined) {
      return this.value(existing);
    }
    const unique = this.#names.unique(name);
    this.#values.keep(unique, tensor);
    if (shareable) {
      this.#constants.set(key, unique);
    }
    return this.value(unique);
  }

  /** A scalar of a type, by default `float32`. */
  scalar(value: number, type: ElementType = "float32"): ValueInfo {
    switch (type) {
      case "int64":
        return this.constant(constantTensor("int64", [], BigInt64Array.of(BigInt(value))));
      case "int32":
        return this.constant(constantTensor("int32", [], Int32Array.of(value)));
      case "float64":
        return this.constant(constantTensor("float64", [], Float64Array.of(value)));
      case "float32":
        return this.constant(constantTensor("float32", [], Float32Array.of(value)));
      default:
        return this.constant(constantTensor(type, [], Uint8Array.of(value)));
    }
  }

  /** A vector of `int64`. */
  integers(values: readonly number[]): ValueInfo {
    return this.constant(int64Vector(values));
  }

  /**
   * Any value by name.
   * @throws ArgumentError when there is none, with the nearest name; IncompatibleError when its type is not known
   */
  value(name: string): ValueInfo {
    return this.#values.value(name);
  }

  /** True when a value of this name exists. */
  has(name: string): boolean {
    return this.#values.has(name);
  }

  /** Names of all values so far. */
  valueNames(): Iterable<string> {
    return this.#values.names();
  }

  /** The tensor behind a constant, `undefined` for anything that is computed or fed. */
  constantOf(value: ValueInfo): ConstantTensor | undefined {
    return this.#values.initializers.get(value.name);
  }

  /** The entries of a small integer value, when all are known before running. */
  integersOf(value: ValueInfo | undefined): number[] | undefined {
    return value && knownNumbers(this.#values.partialOf(value.name));
  }

  /** What is known of a small integer value's entries before running. */
  partialOf(value: ValueInfo): PartialValue | undefined {
    return this.#values.partialOf(value.name);
  }

  /** Writes one node, or finds the equal one written before. */
  emit(op: OpName, inputs: readonly (ValueInfo | undefined)[], options: EmitOptions = {}): ValueInfo[] {
    const { attributes = {}, outputs: count = 1, name = op.toLowerCase() } = options;
    inputs.forEach((input) => {
      this.#requireOwn(input);
    });
    const inputNames = trimmed(inputs.map((input) => input?.name ?? ""));
    const key = keyOf(op, inputNames, attributes);
    const earlier = this.#written.get(key);
    if (earlier !== undefined) {
      return Array.from({ length: count }, (_, i) => this.#output(earlier, i));
    }
    const first = this.#names.unique(name);
    const outputs = [first, ...Array.from({ length: count - 1 }, (_, i) => this.#names.unique(`${name}_out${i + 1}`))];
    const node: Node = { op, domain: "", name: this.#nodeNames.unique(first), inputs: inputNames, outputs, attributes };
    const types = this.#typing.infer(node, first);
    const value = this.#typing.evaluate(node);
    const numbers = knownNumbers(value);
    if (value && numbers && types[0]?.type === "int64") {
      return [this.constant(constantTensor("int64", value.shape, BigInt64Array.from(numbers, BigInt)))];
    }
    outputs.forEach((output, i) => {
      this.#values.declare(output, typeOfOutput(node, types, i), i === 0 ? value : undefined);
    });
    this.#written.set(key, this.#nodes.length);
    this.#nodes.push(node);
    return outputs.map((output) => this.value(output));
  }

  #requireOwn(value: ValueInfo | undefined): void {
    const own = value && this.#values.typeOf(value.name);
    if (value && !(own?.type === value.type && equalShapes(own.shape, value.shape))) {
      throw new ArgumentError(
        `"${value.name}" is not a value of the graph "${this.#values.graphName}"; values of one builder cannot be used in another.`,
        "inputs",
        value.name,
      );
    }
  }

  /** An output of a node of the graph being continued, added when the node does not make it yet. */
  outputOf(nodeIndex: number, output: number): ValueInfo {
    return this.#output(nodeIndex, output);
  }

  #output(index: number, output: number): ValueInfo {
    const node = this.#nodes[index]!;
    const existing = node.outputs[output];
    if (existing) {
      return this.value(existing);
    }
    const types = this.#typing.infer(node, node.outputs[0]!);
    const name = this.#names.unique(`${node.outputs[0]}_out${output}`);
    const outputs = Array.from({ length: Math.max(node.outputs.length, output + 1) }, (_, i) =>
      i === output ? name : (node.outputs[i] ?? ""),
    );
    this.#nodes[index] = { ...node, outputs };
    this.#values.declare(name, typeOfOutput(node, types, output));
    return this.value(name);
  }

  /** The graph written so far. */
  finish(outputs: readonly string[]): Graph {
    const given = new Set([...this.#values.initializers.keys(), ...this.#inputs.map((input) => input.name)]);
    return {
      name: this.#values.graphName,
      ...this.#versions,
      inputs: [...this.#inputs],
      outputs: [...outputs],
      nodes: [...this.#nodes],
      initializers: new Map(this.#values.initializers),
      valueInfo: new Map([...this.#values.types()].filter(([name]) => !given.has(name))),
      parameters: [...this.#parameters],
    };
  }
}
