import { ArgumentError, type NestedNumbers, ShapeError, Tensor } from "@diffusiongym/core";
import {
  constantTensor,
  type Dimension,
  type ElementType,
  type Graph,
  type Initialization,
  nameOutputs,
  type ParameterDeclaration,
  prune,
  type ValueInfo,
  valueNames,
} from "../../ir/index.js";
import { findOp, OpWriter } from "../../ops/index.js";

/** A value in a graph under construction: its name, element type and shape. */
export type GraphValue = ValueInfo;

/** What a builder makes: the graph, and how its parameters start. */
export interface NetworkDefinition {
  readonly graph: Graph;
  /** The parameters in the order in which they were declared; all are inputs of the graph. */
  readonly parameters: readonly ParameterDeclaration[];
}

/**
 * Builds a network. Every operator is a method (`g.add`, `g.matMul`, `g.tanh`, ...; plain numbers may stand for operands);
 * layers are functions that take the builder first (`linear(g, x, ...)`), so that yours look like ours. Shapes are checked
 * as you write, and asking for the same computation twice gives the same value.
 *
 *     const g = new GraphBuilder("regressor");
 *     const x = g.input("x", ["N", 3]);
 *     const hidden = silu(g, linear(g, x, { name: "layers.0", out: 64 }));
 *     g.output("y", linear(g, hidden, { name: "head", out: 1 }));
 *     const { graph, parameters } = g.build();
 */
export class GraphBuilder extends OpWriter {
  readonly #outputs = new Map<string, string>();
  readonly #declarations: ParameterDeclaration[] = [];
  readonly #fixed: ReadonlySet<string>;

  /**
   * @param from name of a new graph, or a graph to continue: its outputs stay outputs, and `value` finds what is in it
   */
  constructor(from: string | Graph = "network") {
    super(findOp, from);
    this.#fixed = typeof from === "string" ? new Set() : valueNames(from);
    for (const output of typeof from === "string" ? [] : from.outputs) {
      this.#outputs.set(output, output);
    }
  }

  /**
   * An input that is fed at every run.
   * @param name unique in the graph
   * @param shape lengths; a string such as `"N"` is a length that each run may choose, equal wherever it is written
   * @param type of the entries. @default "float32"
   */
  input(name: string, shape: readonly Dimension[], type: ElementType = "float32"): GraphValue {
    return this.declareInput(name, { type, shape: checkedShape(name, shape) });
  }

  /**
   * A trainable array.
   * @param name in PyTorch's state-dict style, for example `blocks.0.linear.weight`
   * @param shape fixed lengths
   * @param initialization how it starts
   */
  parameter(name: string, shape: readonly number[], initialization: Initialization): GraphValue {
    const value = this.declareInput(name, { type: "float32", shape: checkedShape(name, shape) });
    this.markParameter(name);
    this.#declarations.push({ name, shape: [...shape], initialization });
    return value;
  }

  /**
   * A constant array of floats.
   * @param values nested or flat numbers
   * @param shape needed for flat numbers of higher rank
   */
  floats(values: NestedNumbers, shape?: readonly number[]): GraphValue {
    const tensor = Tensor.from(values, shape);
    return this.constant(constantTensor("float32", tensor.shape, tensor.data));
  }

  /**
   * Makes a value an output of the network.
   * @param name of the output
   * @param value anything in the graph
   */
  output(name: string, value: GraphValue): void {
    if (name === "" || this.#outputs.has(name)) {
      throw new ArgumentError(
        name === "" ? "An output needs a name." : `There is an output "${name}" already.`,
        "name",
        name,
      );
    }
    this.#outputs.set(name, this.value(value.name).name);
  }

  /**
   * The finished network: what no output needs is left out, inputs and parameters excepted.
   * @throws ArgumentError when nothing was made an output
   */
  build(): NetworkDefinition {
    if (this.#outputs.size === 0) {
      throw new ArgumentError("The network has no output; call output(name, value) before build().", "output");
    }
    const graph = prune(nameOutputs(this.finish([]), this.#outputs, this.#fixed));
    return { graph, parameters: [...this.#declarations] };
  }
}

function checkedShape<D extends Dimension>(name: string, shape: readonly D[]): readonly D[] {
  for (const axis of shape) {
    if (typeof axis === "number" ? !Number.isInteger(axis) || axis < 0 : !/^[A-Za-z_][\w.]*$/.test(axis)) {
      throw new ShapeError(
        `"${name}" has the axis ${JSON.stringify(axis)}; an axis is a whole number >= 0 or a symbol such as "N".`,
      );
    }
  }
  return [...shape];
}
