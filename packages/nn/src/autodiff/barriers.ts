import {
  constantTensor,
  consumers,
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

/** Runtimes join neighbours of these into one, and lose what the first of them waits for. */
const joined: ReadonlySet<string> = new Set(["Reshape", "Squeeze", "Unsqueeze"]);

/**
 * Values that are others, but not before a third is computed. ONNX has no such operator and a runtime orders nodes as it
 * likes, so that the order is written as a dependency which costs nothing: y = Reshape(x, Size(z) mod 1), where a length of
 * 0 means "as it is". Size does not read its argument and Reshape does not copy its own. (ONNX Runtime follows sums and
 * products of lengths and would see that they are 0; it does not follow mod.) Where another Reshape reads y, it is
 * y = Expand(x, 1 ^ Size(z)), which does copy.
 *
 * While a graph is written, a barrier is an input of it (`OpWriter` would see through the shape arithmetic at once);
 * `build` puts the nodes in its place.
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

  /** The graph with nodes in place of the inputs that stood for barriers. */
  build(graph: Graph): Graph {
    const valueInfo = new Map(graph.valueInfo);
    const initializers = new Map(graph.initializers);
    const names = new UniqueNames([...valueNames(graph), ...graph.nodes.map((node) => node.name)]);
    const nodes: Node[] = [...graph.nodes];
    const readers = consumers(graph);
    const emit = (op: string, inputs: readonly string[], made: ValueInfo): string => {
      nodes.push({ op, domain: "", name: names.unique(made.name), inputs, outputs: [made.name], attributes: {} });
      valueInfo.set(made.name, { type: made.type, shape: made.shape });
      return made.name;
    };
    const scalar = (base: string): ValueInfo => ({ name: names.unique(base), type: "int64", shape: [] });
    const sizes = new Map<string, string>();
    const sizeOf = (value: string): string => {
      const size = sizes.get(value) ?? emit("Size", [value], scalar("barrier.size"));
      sizes.set(value, size);
      return size;
    };
    const totals = new Map<string, string>();
    const totalOf = (values: readonly string[]): string => {
      const key = JSON.stringify(values);
      const total =
        totals.get(key) ?? values.map(sizeOf).reduce((sum, size) => emit("Add", [sum, size], scalar("barrier.sum")));
      totals.set(key, total);
      return total;
    };
    const ones = new Map<number, string>();
    const onesOf = (length: number): string => {
      const name = ones.get(length) ?? names.unique("barrier.ones");
      initializers.set(name, constantTensor("int64", [length], new BigInt64Array(length).fill(1n)));
      ones.set(length, name);
      return name;
    };
    for (const { name, type, shape, source, after } of this.#barriers.values()) {
      if (after.length === 0) {
        emit("Identity", [source], { name, type, shape });
        continue;
      }
      const total = totalOf(after);
      const token: ValueInfo = { name: names.unique("barrier.token"), type: "int64", shape: [shape.length] };
      const isCopy = readers.get(name)?.some((node) => joined.has(node.op)) ?? false;
      const lengths = isCopy
        ? emit("Pow", [onesOf(shape.length), total], token)
        : emit("Mod", [total, onesOf(shape.length)], token);
      emit(isCopy ? "Expand" : "Reshape", [source, lengths], { name, type, shape });
    }
    const inputs = graph.inputs.filter(({ name }) => !this.#barriers.has(name));
    const written: Graph = { ...graph, inputs, nodes, initializers, valueInfo };
    return { ...written, nodes: topologicalOrder(written)! };
  }
}
