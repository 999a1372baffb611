import {
  type ConstantTensor,
  type ElementType,
  type Graph,
  type Node,
  type TensorType,
  topologicalOrder,
  UniqueNames,
  type ValueInfo,
  valueNames,
} from "../ir/index.js";
import { findOp, OpWriter } from "../ops/index.js";

/** A writer of graphs in which some inputs only stand for values that come later. */
export class StandInWriter extends OpWriter {
  readonly #standIns: Set<string>;

  /**
   * @param from the graph to continue
   * @param standIns the inputs of it that are none
   */
  constructor(from: Graph, standIns: Iterable<string> = []) {
    super(findOp, from);
    this.#standIns = new Set(standIns);
  }

  declareStandIn(base: string, type: TensorType): ValueInfo {
    const name = new UniqueNames(this.valueNames()).unique(base);
    this.#standIns.add(name);
    return this.declareInput(name, type);
  }

  /** The real ones: lengths must not be read from a value that comes later than what needs them. */
  override inputs(): readonly ValueInfo[] {
    return super.inputs().filter(({ name }) => !this.#standIns.has(name));
  }
}

interface Barrier extends TensorType {
  readonly name: string;
  readonly source: string;
  /** Names of the values that must be there first. */
  readonly after: readonly string[];
}

/**
 * Values that are others, but not before a third is computed. ONNX has no such operator and a runtime orders nodes as it
 * likes, so that the order is written as a dependency: y = x * 1, where the 1 is 1 to the power of Size(z). Size does not read
 * its argument, a runtime does not know the product beforehand, and it has the bits of x. It is one pass over x, in place where
 * nothing reads x later. (A Reshape to a shape that follows from z would copy nothing, but runtimes join neighbouring Reshapes
 * and lose sight of shapes, so that they fuse other nodes than without it.)
 *
 * While a graph is written, a barrier is an input of it; `build` puts the nodes in its place.
 */
export class Barriers {
  readonly #barriers = new Map<string, Barrier>();

  /** Declares that an input, which stands for a value already, is that value after others. */
  define(placeholder: ValueInfo, source: ValueInfo, after: readonly ValueInfo[]): void {
    const { name, type, shape } = placeholder;
    this.#barriers.set(name, { name, type, shape, source: source.name, after: after.map((value) => value.name) });
  }

  /** A value that is another, but only after others. */
  add(write: StandInWriter, source: ValueInfo, after: readonly ValueInfo[]): ValueInfo {
    if (after.length === 0) {
      return source;
    }
    const placeholder = write.declareStandIn(`${source.name}:after`, source);
    this.define(placeholder, source, after);
    return placeholder;
  }

  /** Lets the barriers in front of a value be in front of another that is equal. */
  redirect(from: string, to: string): void {
    for (const [name, barrier] of this.#barriers) {
      if (barrier.source === from && name !== to) {
        this.#barriers.set(name, { ...barrier, source: to });
      }
    }
  }

  /** The graph with nodes in place of the inputs that stood for barriers. */
  build(graph: Graph): Graph {
    const valueInfo = new Map(graph.valueInfo);
    const initializers = new Map(graph.initializers);
    const names = new UniqueNames([...valueNames(graph), ...graph.nodes.map((node) => node.name)]);
    const nodes: Node[] = [...graph.nodes];
    const emit = (op: string, inputs: readonly string[], made: ValueInfo): string => {
      nodes.push({ op, domain: "", name: names.unique(made.name), inputs, outputs: [made.name], attributes: {} });
      valueInfo.set(made.name, { type: made.type, shape: made.shape });
      return made.name;
    };
    const scalar = (base: string, type: ElementType): ValueInfo => ({ name: names.unique(base), type, shape: [] });
    const known = new Map<string, string>();
    const once = (key: string, make: () => string): string => {
      const name = known.get(key) ?? make();
      known.set(key, name);
      return name;
    };
    const sizeOf = (value: string): string =>
      once(`size ${value}`, () => emit("Size", [value], scalar("barrier.size", "int64")));
    const constantOne = (type: ElementType): string =>
      once(`one ${type}`, () => {
        const name = names.unique("barrier.one");
        const data = type === "float64" ? Float64Array.of(1) : Float32Array.of(1);
        initializers.set(name, { type, shape: [], data } as ConstantTensor);
        return name;
      });
    const oneAfter = (after: readonly string[], type: ElementType): string =>
      once(JSON.stringify([type, after]), () => {
        const total = after.map(sizeOf).reduce((sum, size) => emit("Add", [sum, size], scalar("barrier.sum", "int64")));
        return emit("Pow", [constantOne(type), total], scalar("barrier.token", type));
      });
    for (const { name, type, shape, source, after } of this.#barriers.values()) {
      const made: ValueInfo = { name, type, shape };
      if (after.length === 0) {
        emit("Identity", [source], made);
      } else {
        emit("Mul", [source, oneAfter(after, type)], made);
      }
    }
    const inputs = graph.inputs.filter(({ name }) => !this.#barriers.has(name));
    const written: Graph = { ...graph, inputs, nodes, initializers, valueInfo };
    return { ...written, nodes: topologicalOrder(written)! };
  }
}
