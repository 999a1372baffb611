import {
  type Graph,
  type Node,
  renameNode,
  typeOf,
  UniqueNames,
  type ValueInfo,
  valueNames,
  valuesRead,
} from "../ir/index.js";
import { isFloat } from "../ops/index.js";

/** Where a derivative reads the values of a node that is computed twice. */
export interface Twin {
  /** Computes the same from what is kept. */
  readonly node: Node;
  /** Its place in the graph with both. */
  readonly index: number;
  /** For each output that is kept, the input that stands for it. */
  readonly kept: readonly (string | undefined)[];
}

/** A graph whose nodes are there twice where they are to be computed twice. */
export interface SecondPass {
  /** The first pass, then the twins, which read inputs that stand for what is kept. */
  readonly graph: Graph;
  /** By index of the node in the first pass; where there is none, the first pass is read. */
  readonly twins: ReadonlyMap<number, Twin>;
  /** For each segment the inputs that stand for what is kept, and the names of these values. */
  readonly kept: readonly ReadonlyMap<string, string>[];
  /** Values of the first pass by the name they have in the second. */
  readonly originals: ReadonlyMap<string, string>;
}

/**
 * Writes the nodes of all segments but the last a second time.
 * @param graph with types of all values
 * @param segments the segment of every node
 */
export function addSecondPass(graph: Graph, segments: readonly number[]): SecondPass {
  const names = new UniqueNames(valueNames(graph));
  const nodeNames = new UniqueNames(graph.nodes.map((node) => node.name));
  const segmentOf = segmentsOfValues(graph, segments);
  const lasting = valuesReadLater(graph, { segments, segmentOf });
  const inputs: ValueInfo[] = [...graph.inputs];
  const nodes: Node[] = [...graph.nodes];
  const twins = new Map<number, Twin>();
  const originals = new Map<string, string>();
  const kept = Array.from({ length: segments.at(-1) ?? 0 }, () => new Map<string, string>());
  kept.forEach((placeholders, segment) => {
    const again = new Map<string, string>();
    const substitute = (name: string): string => {
      const known = again.get(name);
      const made = segmentOf.get(name);
      if (known !== undefined || made === undefined || (made === segment && !lasting.has(name))) {
        return known ?? name;
      }
      const { type, shape } = typeOf(graph, name)!;
      const placeholder = names.unique(`${name}:kept`);
      inputs.push({ name: placeholder, type, shape });
      placeholders.set(placeholder, name);
      again.set(name, placeholder);
      return placeholder;
    };
    graph.nodes.forEach((node, index) => {
      if (segments[index] !== segment) {
        return;
      }
      // What follows from parameters and shapes alone is small, and a runtime would merge it with the first.
      if (valuesRead(node).every((name) => substitute(name) === name)) {
        return;
      }
      const substituted = renameNode(node, substitute);
      const outputs = node.outputs.map((name) => {
        if (name === "") {
          return "";
        }
        const twin = names.unique(`${name}:again`);
        originals.set(twin, name);
        if (!lasting.has(name)) {
          again.set(name, twin);
        }
        return twin;
      });
      const twin: Node = { ...substituted, name: nodeNames.unique(`${node.name}:again`), outputs };
      const standIns = node.outputs.map((name) => (lasting.has(name) ? substitute(name) : undefined));
      twins.set(index, { node: twin, index: nodes.length, kept: standIns });
      nodes.push(twin);
    });
  });
  return { graph: { ...graph, inputs, nodes }, twins, kept, originals };
}

/** The segment that makes each float value; -1 for data that is fed, none for parameters and constants. */
function segmentsOfValues(graph: Graph, segments: readonly number[]): ReadonlyMap<string, number> {
  const parameters = new Set(graph.parameters);
  const data = graph.inputs.filter(({ name, type }) => isFloat(type) && !parameters.has(name));
  const segmentOf = new Map(data.map(({ name }) => [name, -1]));
  graph.nodes.forEach((node, index) => {
    for (const name of node.outputs) {
      const type = name === "" ? undefined : typeOf(graph, name);
      if (type && isFloat(type.type)) {
        segmentOf.set(name, segments[index]!);
      }
    }
  });
  return segmentOf;
}

interface Placement {
  readonly segments: readonly number[];
  readonly segmentOf: ReadonlyMap<string, number>;
}

/** Names of the float values that a later segment reads. */
function valuesReadLater(graph: Graph, { segments, segmentOf }: Placement): ReadonlySet<string> {
  const later = new Set<string>();
  graph.nodes.forEach((node, index) => {
    for (const name of valuesRead(node)) {
      const made = segmentOf.get(name);
      if (made !== undefined && made < segments[index]!) {
        later.add(name);
      }
    }
  });
  return later;
}
