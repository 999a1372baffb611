import { ArgumentError, ShapeError } from "@diffusiongym/core";
import { defaultOpset, type Node, type TensorType } from "../ir/index.js";
import type { Application, OpTyping, PartialValue } from "./application.js";
import type { ValueTable } from "./value-table.js";

/** Finds an operator's definition. */
export type DefinitionLookup = (op: string) => OpTyping | undefined;

/** Infers types and computes shape arithmetic of one node at a time, from what a table knows of its inputs. */
export class NodeTyping {
  readonly #lookup: DefinitionLookup;
  readonly #values: ValueTable;

  constructor(lookup: DefinitionLookup, values: ValueTable) {
    this.#lookup = lookup;
    this.#values = values;
  }

  /**
   * Types of the outputs.
   * @param symbol prefix of new symbolic axes
   * @throws ArgumentError for an operator that the table does not have; ShapeError for inputs that it does not take
   */
  infer(node: Node, symbol: string): readonly TensorType[] {
    const application = this.#application(node, symbol);
    const definition = this.#lookup(node.op);
    if (!definition || node.domain !== "") {
      throw new ArgumentError(
        `The graph "${this.#values.graphName}" has the operator ${node.domain && `${node.domain}.`}${node.op} ` +
          `(node "${node.name}", opset ${defaultOpset}), which this package does not know.`,
        "graph",
        node.op,
      );
    }
    const [least, most] = definition.arity;
    const given = node.inputs.length;
    if (given < least || given > most || node.inputs.slice(0, least).includes("")) {
      application.fail(`needs ${least === most ? least : `${least} to ${most}`} inputs and has ${given}`);
    }
    return definition.infer(application);
  }

  /** What is known of the first output's entries before running. */
  evaluate(node: Node): PartialValue | undefined {
    return this.#lookup(node.op)?.evaluate?.(this.#application(node, ""));
  }

  #application(node: Node, symbol: string): Application {
    const values = this.#values;
    return {
      op: node.op,
      name: node.name,
      attributes: node.attributes,
      inputs: node.inputs.map((input) => (input === "" ? undefined : values.value(input))),
      values: node.inputs.map((input) => values.partialOf(input)),
      constants: node.inputs.map((input) => values.initializers.get(input)),
      outputCount: node.outputs.length,
      fresh: (axis) => `${symbol}.${axis}`.replaceAll("*", "."),
      fail: (message) => {
        throw new ShapeError(`${node.op} (node "${node.name}" of graph "${values.graphName}") ${message}.`);
      },
    };
  }
}

/** The type of an output of a node. @throws ShapeError when it has none */
export function typeOfOutput(node: Node, types: readonly TensorType[], output: number): TensorType {
  const type = types[output];
  if (type === undefined) {
    throw new ShapeError(`${node.op} (node "${node.name}") has no output ${output}.`);
  }
  return type;
}
