import {
  type Attributes,
  attribute,
  consumers,
  floatAttribute,
  floatScalar,
  type Graph,
  type Node,
  typeOf,
  UniqueNames,
  type ValueInfo,
  valueNames,
} from "../ir/index.js";
import { inferTypes } from "../ops/index.js";
import { type LoraModule, loraNames } from "./module.js";
import type { AdaptableWeight } from "./targets.js";

/** What `inject` writes. */
export interface InjectOptions {
  readonly modules: readonly LoraModule[];
  /** The weights of the modules, in the same order. */
  readonly weights: readonly AdaptableWeight[];
}

/** The graph with scale B (A x) added to each product with an adapted weight, and A and B as its only trainable inputs. */
export function inject(graph: Graph, { modules, weights }: InjectOptions): Graph {
  const typed = inferTypes(graph);
  const readers = consumers(graph);
  const writer = new BranchWriter(typed);
  const branches = new Map<Node, { readonly product: Node; readonly module: LoraModule }>();
  modules.forEach((module, i) => {
    for (const product of weights[i]!.nodes) {
      branches.set(endOf(product, typed, readers), { product, module });
    }
  });
  for (const node of graph.nodes) {
    const branch = branches.get(node);
    if (branch === undefined) {
      writer.nodes.push(node);
    } else {
      writer.writeBranch(node, branch);
    }
  }
  const inputs: ValueInfo[] = modules.flatMap(({ module, shapeA, shapeB }) => {
    const { a, b } = loraNames(module);
    return [
      { name: a, type: "float32", shape: shapeA },
      { name: b, type: "float32", shape: shapeB },
    ];
  });
  return inferTypes({
    ...graph,
    inputs: [...graph.inputs, ...inputs],
    nodes: writer.nodes,
    initializers: new Map([...graph.initializers, ...writer.constants]),
    parameters: inputs.map(({ name }) => name),
  });
}

/**
 * The node behind which the branch is added: the one that adds the bias, where it has a node of its own. Runtimes join the
 * product and its bias into one, and something in between would change how they round.
 */
function endOf(product: Node, graph: Graph, readers: ReadonlyMap<string, readonly Node[]>): Node {
  const output = product.outputs[0]!;
  const [reader, ...others] = readers.get(output) ?? [];
  if (product.op !== "MatMul" || reader?.op !== "Add" || others.length > 0 || graph.outputs.includes(output)) {
    return product;
  }
  const other = reader.inputs.find((name) => name !== output);
  const isBias = other !== undefined && graph.initializers.get(other)?.shape.length === 1;
  return isBias ? reader : product;
}

/** Writes nodes into a list. */
class BranchWriter {
  readonly nodes: Node[] = [];
  readonly constants = new Map<string, ReturnType<typeof floatScalar>>();
  readonly #graph: Graph;
  readonly #names: UniqueNames;
  readonly #nodeNames: UniqueNames;
  readonly #scales = new Map<number, string>();

  constructor(graph: Graph) {
    this.#graph = graph;
    this.#names = new UniqueNames(valueNames(graph));
    this.#nodeNames = new UniqueNames(graph.nodes.map(({ name }) => name));
  }

  /** The end of a product under another name, and then the sum of it and the branch under its own. */
  writeBranch(end: Node, { product, module }: { readonly product: Node; readonly module: LoraModule }): void {
    const output = end.outputs[0]!;
    const base = this.#names.unique(`${output}:base`);
    this.nodes.push({ ...end, outputs: [base, ...end.outputs.slice(1)] });
    const x = product.inputs[0]!;
    const { a, b } = loraNames(module.module);
    const { attributes } = product;
    const isMatrix = typeOf(this.#graph, x)?.shape.length === 2;
    if (module.layout === "convolution") {
      const { group, kernel_shape: _, ...window } = attributes;
      const ones = module.shapeB.slice(2).map(() => 1);
      const narrow = this.emit("Conv", [x, a], { ...window, kernel_shape: attribute.ints(module.shapeA.slice(2)) });
      const wide = this.emit("Conv", [narrow, this.scaled(b, module.scale)], {
        kernel_shape: attribute.ints(ones),
        ...(group && { group }),
      });
      this.emit("Add", [base, wide], {}, output);
    } else if (isMatrix) {
      const { transA } = attributes;
      const alpha = module.scale * floatAttribute(attributes, "alpha", 1);
      const narrow = this.emit("Gemm", [x, a], { transB: attribute.int(1), ...(transA && { transA }) });
      this.emit("Gemm", [narrow, b, base], { alpha: attribute.float(alpha), transB: attribute.int(1) }, output);
    } else {
      const turned = { perm: attribute.ints([1, 0]) };
      const narrow = this.emit("MatMul", [x, this.emit("Transpose", [a], turned)]);
      const wide = this.emit("MatMul", [narrow, this.emit("Transpose", [this.scaled(b, module.scale)], turned)]);
      this.emit("Add", [base, wide], {}, output);
    }
  }

  /** B times the scale, which is small next to what it is multiplied by. */
  private scaled(b: string, scale: number): string {
    if (scale === 1) {
      return b;
    }
    let name = this.#scales.get(scale);
    if (name === undefined) {
      name = this.#names.unique("lora.scale");
      this.#scales.set(scale, name);
      this.constants.set(name, floatScalar(scale));
    }
    return this.emit("Mul", [b, name]);
  }

  private emit(op: string, inputs: readonly string[], attributes: Attributes = {}, output?: string): string {
    const made = output ?? this.#names.unique(`lora.${op.toLowerCase()}`);
    this.nodes.push({ op, domain: "", name: this.#nodeNames.unique(made), inputs, outputs: [made], attributes });
    return made;
  }
}
