import { type Graph, intAttribute, intsAttribute, type Node, producers, typeOf } from "../ir/index.js";

/** A stored weight that can be adapted: the matrix of a linear map or the kernel of a convolution. */
export interface AdaptableWeight {
  /** Name of the parameter or initializer. */
  readonly weight: string;
  /** PyTorch module: the name without its `.weight`. */
  readonly module: string;
  /** Order of the axes: `[out, in]`, `[in, out]`, or `[out, in / groups, ...kernel]`. */
  readonly layout: "out-in" | "in-out" | "convolution";
  readonly shape: readonly number[];
  /** Groups of channels of a convolution, 1 otherwise. */
  readonly groups: number;
  /** The nodes that multiply by it. */
  readonly nodes: readonly Node[];
}

/** A weight, or why it cannot be adapted. */
type Candidate = AdaptableWeight | { readonly weight: string; readonly module: string; readonly obstacle: string };

/** Every stored weight of a graph that some product reads, in the order of the graph. */
export function adaptableWeights(graph: Graph): { weights: AdaptableWeight[]; obstacles: Map<string, string> } {
  const made = producers(graph);
  const reads = new Map<string, { node: Node; layout: AdaptableWeight["layout"] | undefined }[]>();
  const stored = new Set([...graph.initializers.keys(), ...graph.parameters]);
  for (const node of graph.nodes) {
    node.inputs.forEach((input, at) => {
      const turned = turnedMatrix(made.get(input), stored);
      const name = turned ?? input;
      if (!stored.has(name) || turnedMatrix(node, stored) === name) {
        return;
      }
      const layout = at === 1 ? layoutOf(node, turned !== undefined) : undefined;
      reads.set(name, [...(reads.get(name) ?? []), { node, layout }]);
    });
  }
  const candidates = Array.from(reads, ([weight, uses]): Candidate | undefined => {
    const layouts = new Set(uses.map(({ layout }) => layout));
    const type = typeOf(graph, weight);
    const layout = [...layouts].find((entry) => entry !== undefined);
    if (layout === undefined || type?.type !== "float32" || type.shape.length < 2) {
      return undefined;
    }
    const module = weight.replace(/\.weight$/, "");
    if (layouts.size > 1) {
      const other = uses.find((use) => use.layout !== layout)!.node;
      return {
        weight,
        module,
        obstacle: `it is also read by ${other.op} (node "${other.name}"), which would not be adapted`,
      };
    }
    const nodes = uses.map(({ node }) => node);
    const groups = intAttribute(nodes[0]!.attributes, "group", 1);
    return { weight, module, layout, shape: type.shape as readonly number[], groups, nodes };
  });
  const weights: AdaptableWeight[] = [];
  const obstacles = new Map<string, string>();
  for (const candidate of candidates) {
    if (candidate !== undefined && "obstacle" in candidate) {
      obstacles.set(candidate.module, candidate.obstacle);
    } else if (candidate !== undefined) {
      weights.push(candidate);
    }
  }
  return { weights, obstacles };
}

/** The stored matrix that a node exchanges the axes of. */
function turnedMatrix(node: Node | undefined, stored: ReadonlySet<string>): string | undefined {
  const input = node?.inputs[0];
  if (node?.op !== "Transpose" || input === undefined || !stored.has(input)) {
    return undefined;
  }
  const permutation = intsAttribute(node.attributes, "perm");
  return permutation === undefined || permutation.join() === "1,0" ? input : undefined;
}

function layoutOf(node: Node, isTurned: boolean): AdaptableWeight["layout"] | undefined {
  if (node.op === "Conv") {
    return isTurned ? undefined : "convolution";
  }
  if (node.op !== "MatMul" && node.op !== "Gemm") {
    return undefined;
  }
  const isTransposed = intAttribute(node.attributes, "transB", 0) !== 0;
  return isTurned === isTransposed ? "in-out" : "out-in";
}
