import { ShapeError } from "@diffusiongym/core";
import {
  attribute,
  type ConstantTensor,
  constantTensor,
  type ElementType,
  type Node,
  type TensorType,
  type UniqueNames,
  type ValueInfo,
} from "../ir/index.js";
import {
  type Application,
  findOp,
  knownNumbers,
  onnxTypeCode,
  type PartialValue,
  partialOfConstant,
} from "../ops/index.js";
import { inlineBranch } from "./branches.js";
import { evaluateConstant, isSmall } from "./fold.js";
import { damaged } from "./problems.js";

/** What the operator table computes with; other element types are left to the runtime. */
const tableTypes: ReadonlySet<ElementType> = new Set(["float32", "float64", "int64", "int32", "uint8", "bool"]);

/** What is typed. */
export interface TypingOptions {
  readonly inputs: readonly ValueInfo[];
  readonly nodes: readonly Node[];
  readonly initializers: ReadonlyMap<string, ConstantTensor>;
  /** Initializers that are trained, so that nothing may be computed from them now. */
  readonly parameters: ReadonlySet<string>;
  readonly outputs: readonly string[];
  /** What the file says of values that are computed. */
  readonly declared: ReadonlyMap<string, TensorType>;
  /** Compute what follows from constants and known lengths, and drop the branches that are never taken. */
  readonly fold: boolean;
  /** Version of the operator set of a domain. */
  readonly versionOf: (domain: string) => number;
  readonly names: UniqueNames;
  readonly nodeNames: UniqueNames;
}

/** Nodes and constants with the types of everything that could be told. */
export interface Typed {
  readonly nodes: readonly Node[];
  readonly initializers: ReadonlyMap<string, ConstantTensor>;
  readonly valueInfo: ReadonlyMap<string, TensorType>;
}

/**
 * Infers the types of all values, node by node. A node that the operator table does not know, or not in the form in which
 * it is used, is marked as opaque: the runtime may well run it.
 * @throws FormatError for a node with the wrong number of inputs
 */
export function typeNodes(options: TypingOptions): Typed {
  return new Typing(options).run();
}

class Typing {
  readonly #options: TypingOptions;
  readonly #types = new Map<string, TensorType>();
  readonly #partial = new Map<string, PartialValue>();
  readonly #initializers: Map<string, ConstantTensor>;
  readonly #valueInfo = new Map<string, TensorType>();
  readonly #nodes: Node[] = [];
  /** Why the type of a value is not known. */
  readonly #untyped = new Map<string, string>();

  constructor(options: TypingOptions) {
    this.#options = options;
    this.#initializers = new Map(options.initializers);
    for (const input of options.inputs) {
      this.#types.set(input.name, { type: input.type, shape: input.shape });
    }
    for (const [name, tensor] of options.initializers) {
      this.#constant(name, tensor);
    }
  }

  run(): Typed {
    const waiting = [...this.#options.nodes].reverse();
    for (let node = waiting.pop(); node; node = waiting.pop()) {
      const branch = this.#options.fold ? this.#branch(node) : undefined;
      if (branch) {
        waiting.push(...branch.reverse());
      } else {
        this.#visit(this.#withoutCastLike(node));
      }
    }
    return { nodes: this.#nodes, initializers: this.#initializers, valueInfo: this.#valueInfo };
  }

  #visit(node: Node): void {
    const read = this.#infer(node);
    if (typeof read === "string") {
      this.#keepOpaque(node, read);
      return;
    }
    node.outputs.forEach((output, i) => {
      const type = read[i] ?? damaged(`the node "${node.name}" (${node.op}) has no output ${i}`);
      if (output !== "") {
        this.#types.set(output, { type: type.type, shape: type.shape });
      }
    });
    const output = node.outputs[0];
    const value = output ? findOp(node.op)?.evaluate?.(this.#application(node)) : undefined;
    const folded = this.#options.fold && output ? this.#fold(node, read[0]!, value) : undefined;
    if (folded && output) {
      this.#initializers.set(output, folded);
      this.#constant(output, folded);
      return;
    }
    if (value && output) {
      this.#partial.set(output, value);
    }
    this.#keep(node);
  }

  /** Types of the outputs, or why they are not known. */
  #infer(node: Node): readonly TensorType[] | string {
    const operator = node.domain === "" ? node.op : `${node.domain}.${node.op}`;
    const definition = node.domain === "" ? findOp(node.op) : undefined;
    if (!definition) {
      const version = this.#options.versionOf(node.domain);
      return `this package does not know the operator ${operator} (operator set ${version})`;
    }
    const unknown = Object.keys(node.attributes).find((name) => !definition.attributes.includes(name));
    if (unknown !== undefined) {
      return `this package does not know the attribute "${unknown}" of ${operator}`;
    }
    const [least, most] = definition.arity;
    const given = node.inputs.length;
    if (given < least || given > most || node.inputs.slice(0, least).includes("")) {
      damaged(
        `${node.op} (node "${node.name}") needs ${least === most ? least : `${least} to ${most}`} inputs and has ${given}`,
      );
    }
    for (const name of node.inputs) {
      const type = this.#types.get(name)?.type;
      if (name !== "" && (type === undefined || !tableTypes.has(type))) {
        return type === undefined
          ? `the type of "${name}" is not known (${this.#untyped.get(name)})`
          : `"${name}" is of the element type ${type}, which is for inference only${type.includes("float16") ? '; read the file with precision "float32" to differentiate it' : ""}`;
      }
    }
    try {
      return definition.infer(this.#application(node));
    } catch (error) {
      if (error instanceof ShapeError) {
        return error.message.replace(/\.$/, "");
      }
      throw error;
    }
  }

  #keepOpaque(node: Node, reason: string): void {
    for (const output of node.outputs) {
      const declared = this.#options.declared.get(output);
      if (declared) {
        this.#types.set(output, declared);
      } else {
        this.#untyped.set(output, reason);
      }
    }
    this.#keep({ ...node, opaque: reason });
  }

  #keep(node: Node): void {
    for (const output of node.outputs) {
      const type = this.#types.get(output);
      if (type && output !== "") {
        this.#valueInfo.set(output, type);
      }
    }
    this.#nodes.push(node);
  }

  #constant(name: string, tensor: ConstantTensor): void {
    this.#types.set(name, { type: tensor.type, shape: tensor.shape });
    const partial = partialOfConstant(tensor);
    if (partial) {
      this.#partial.set(name, partial);
    }
  }

  /** The constant that a node makes, when that follows from what is known. Outputs of the graph stay computed. */
  #fold(node: Node, type: TensorType, value: PartialValue | undefined): ConstantTensor | undefined {
    const { outputs, parameters } = this.#options;
    if (node.outputs.some((output, i) => outputs.includes(output) || (i > 0 && output !== ""))) {
      return undefined;
    }
    const numbers = knownNumbers(value);
    if (value && numbers?.every(Number.isSafeInteger) && type.type === "int64") {
      return constantTensor("int64", value.shape, BigInt64Array.from(numbers, BigInt));
    }
    const constants = node.inputs.map((name) => (parameters.has(name) ? undefined : this.#initializers.get(name)));
    const isConstant = node.inputs.every((name, i) => name === "" || (constants[i] && isSmall(constants[i].shape)));
    return isConstant && isSmall(type.shape) ? evaluateConstant(node, type, constants) : undefined;
  }

  /** The nodes of the branch that an If always takes. */
  #branch(node: Node): Node[] | undefined {
    const condition = node.op === "If" && node.domain === "" ? this.#initializers.get(node.inputs[0] ?? "") : undefined;
    if (condition?.data.length !== 1) {
      return undefined;
    }
    const taken = node.attributes[condition.data[0] ? "then_branch" : "else_branch"];
    if (taken?.kind !== "graph" || taken.value.outputs.length < node.outputs.length) {
      return undefined;
    }
    const inlined = inlineBranch(node, taken.value, this.#options);
    for (const [name, tensor] of inlined.initializers) {
      this.#initializers.set(name, tensor);
      this.#constant(name, tensor);
    }
    return [...inlined.nodes];
  }

  /** CastLike is a Cast wherever the type of its second input is known. */
  #withoutCastLike(node: Node): Node {
    const like = node.op === "CastLike" && node.domain === "" ? this.#types.get(node.inputs[1] ?? "") : undefined;
    return like
      ? {
          ...node,
          op: "Cast",
          inputs: node.inputs.slice(0, 1),
          attributes: { to: attribute.int(onnxTypeCode[like.type]) },
        }
      : node;
  }

  #application(node: Node): Application {
    const symbol = node.outputs[0] ?? node.name;
    return {
      op: node.op,
      name: node.name,
      attributes: node.attributes,
      inputs: node.inputs.map((name) => (name === "" ? undefined : this.#types.get(name))),
      values: node.inputs.map((name) => this.#partial.get(name)),
      constants: node.inputs.map((name) => this.#initializers.get(name)),
      outputCount: node.outputs.length,
      fresh: (axis) => `${symbol}.${axis}`.replaceAll("*", "."),
      fail: (message) => {
        throw new ShapeError(`${node.op} (node "${node.name}") ${message}.`);
      },
    };
  }
}
