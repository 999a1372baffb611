import {
  type AttributeValue,
  type ConstantTensor,
  floatScalar,
  int64Scalar,
  int64Vector,
  type Node,
} from "../ir/index.js";

/** What one node of a file becomes: nodes in order, and constants. */
export interface Upgraded {
  readonly nodes: readonly Node[];
  readonly constants: ReadonlyMap<string, ConstantTensor>;
}

/** What an upgrade has to know besides the node. */
export interface UpgradeOptions {
  /** The file's operator set. */
  readonly opset: number;
  /** Makes a value name that the graph does not use. */
  readonly fresh: (base: string) => string;
  /** Makes a node name that the graph does not use. */
  readonly freshNode: (base: string) => string;
}

/** Writes nodes in place of one. */
export class Replacement {
  readonly #nodes: Node[] = [];
  readonly #constants = new Map<string, ConstantTensor>();
  readonly #node: Node;
  readonly #options: UpgradeOptions;

  constructor(node: Node, options: UpgradeOptions) {
    this.#node = node;
    this.#options = options;
  }

  constant(tensor: ConstantTensor): string {
    const name = this.#options.fresh(`${this.#node.outputs[0]}_constant`);
    this.#constants.set(name, tensor);
    return name;
  }

  /** A constant of floats in the element type of the node's first input, whatever that turns out to be. */
  floats(tensor: ConstantTensor): string {
    return this.add("CastLike", [this.constant(tensor), this.#node.inputs[0] ?? ""]);
  }

  /** A scalar in the element type of the node's first input. */
  scalar(value: number): string {
    return this.floats(floatScalar(value));
  }

  /** An `int64` scalar. */
  integer(value: number): string {
    return this.constant(int64Scalar(value));
  }

  /** A vector of `int64`. */
  integers(...values: readonly number[]): string {
    return this.constant(int64Vector(values));
  }

  /** Adds a node and gives the name of its output. */
  add(op: string, inputs: readonly string[], attributes: Readonly<Record<string, AttributeValue>> = {}): string {
    const output = this.#options.fresh(`${this.#node.outputs[0]}_${op.toLowerCase()}`);
    const name = this.#options.freshNode(`${this.#node.name}_${op.toLowerCase()}`);
    this.#nodes.push({ op, domain: "", name, inputs, outputs: [output], attributes });
    return output;
  }

  /**
   * The nodes, the last of which has the name of the node that is replaced.
   * @param results which value is which output of that node, in order
   */
  finish(results: readonly string[]): Upgraded {
    const wanted = new Map(
      results.flatMap((value, i): [string, string][] => {
        const name = this.#node.outputs[i];
        return name ? [[value, name]] : [];
      }),
    );
    const renamed = (name: string): string => wanted.get(name) ?? name;
    const last = this.#nodes.length - 1;
    const nodes = this.#nodes.map((node, i) => ({
      ...node,
      name: i === last ? this.#node.name : node.name,
      inputs: node.inputs.map(renamed),
      outputs: node.outputs.map(renamed),
    }));
    return { nodes, constants: this.#constants };
  }
}

/** How an operator is written as others. */
export interface Composite {
  /** Attributes that are understood; a node with others stays what it is. */
  readonly attributes: readonly string[];
  /**
   * Writes the nodes and gives the values of the outputs, `""` for one that is not made. Gives `undefined` for a form that is
   * not written as others.
   */
  readonly write: (write: Replacement, node: Node, opset: number) => string | readonly string[] | undefined;
}
