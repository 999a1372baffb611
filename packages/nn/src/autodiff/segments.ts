import { ArgumentError, nearestName } from "@diffusiongym/core";
import { type Dimension, type Graph, typeOf, valuesRead } from "../ir/index.js";
import { isFloat } from "../ops/index.js";

/**
 * Where a graph is cut into segments for recomputation: a number of segments; the names of values that are kept, each of
 * which ends a segment; or `"auto"`, which takes the number with the smallest estimate of memory, about the square root of
 * the number of layers. Cuts of a given number are laid where few and small values cross.
 */
export type Checkpointing = "auto" | number | readonly string[];

const productOps: ReadonlySet<string> = new Set(["MatMul", "Gemm", "Conv", "ConvTranspose"]);

/** Length that is assumed for a symbolic axis when values are compared in size. */
const typicalLength = 32;

/** One float value as the plan sees it. */
interface Stretch {
  /** Index of the node that makes it. */
  readonly from: number;
  /** Index of the last node that reads it. */
  readonly to: number;
  readonly size: number;
}

/**
 * The segment of every node, counted from 0 and never falling.
 * @param graph with types of all values, nodes in order
 * @throws ArgumentError for a number below 1 or a name that no node makes
 */
export function planSegments(graph: Graph, checkpoint: Checkpointing): readonly number[] {
  if (typeof checkpoint === "object") {
    return numbered(graph, cutsAfter(graph, checkpoint));
  }
  const stretches = stretchesOf(graph);
  if (checkpoint !== "auto") {
    if (!Number.isInteger(checkpoint) || checkpoint < 1) {
      throw new ArgumentError(
        `checkpoint: the number of segments must be a whole number >= 1, got ${checkpoint}.`,
        "checkpoint",
        checkpoint,
      );
    }
    return numbered(graph, cutsInto(checkpoint, graph, stretches));
  }
  let best = numbered(graph, []);
  let least = estimate(best, stretches);
  for (let count = 2; count <= 4 * Math.sqrt(graph.nodes.length); count++) {
    const candidate = numbered(graph, cutsInto(count, graph, stretches));
    const memory = estimate(candidate, stretches);
    if (memory < least) {
      [best, least] = [candidate, memory];
    }
  }
  return best;
}

/** What is kept from segment to segment, and the largest segment with everything in it. */
function estimate(segments: readonly number[], stretches: readonly Stretch[]): number {
  const inside = new Array<number>((segments.at(-1) ?? 0) + 1).fill(0);
  let kept = 0;
  for (const { from, to, size } of stretches) {
    inside[segments[from]!]! += size;
    if (segments[to]! > segments[from]!) {
      kept += size;
    }
  }
  return kept + Math.max(0, ...inside);
}

function stretchesOf(graph: Graph): Stretch[] {
  const last = new Map<string, number>();
  graph.nodes.forEach((node, index) => {
    for (const input of valuesRead(node)) {
      last.set(input, index);
    }
  });
  return graph.nodes.flatMap((node, from) =>
    node.outputs.flatMap((name) => {
      const type = name === "" ? undefined : typeOf(graph, name);
      if (!type || !isFloat(type.type)) {
        return [];
      }
      const size = type.shape.reduce<number>((product, axis) => product * lengthOf(axis), 1);
      return [{ from, to: last.get(name) ?? from, size }];
    }),
  );
}

/** `8*N` is eight typical lengths. */
function lengthOf(axis: Dimension): number {
  return typeof axis === "number"
    ? axis
    : axis.split("*").reduce((product, factor) => product * (/^\d+$/.test(factor) ? Number(factor) : typicalLength), 1);
}

/** Cuts of about equal weight, each moved by at most half a segment to where the least crosses. */
function cutsInto(count: number, graph: Graph, stretches: readonly Stretch[]): number[] {
  const length = graph.nodes.length;
  const crossing = new Array<number>(length + 1).fill(0);
  const before = new Array<number>(length + 1).fill(0);
  for (const { from, to, size } of stretches) {
    before[from + 1]! += size;
    for (let cut = from + 1; cut <= to; cut++) {
      crossing[cut]! += size;
    }
    // Runtimes join a product and the bias or activation behind it into one node, whose bits differ from those of two.
    if (productOps.has(graph.nodes[from]!.op)) {
      crossing[from + 1]! += size;
    }
  }
  for (let cut = 1; cut <= length; cut++) {
    before[cut]! += before[cut - 1]!;
  }
  const share = before[length]! / count;
  const cuts: number[] = [];
  for (let segment = 1; segment < count; segment++) {
    const target = segment * share;
    let best: number | undefined;
    for (let cut = (cuts.at(-1) ?? 0) + 1; cut < length && before[cut]! < target + share / 2; cut++) {
      const isNear = before[cut]! > target - share / 2;
      const isSmaller = best === undefined || crossing[cut]! < crossing[best]!;
      const isNearer =
        best !== undefined &&
        crossing[cut] === crossing[best] &&
        Math.abs(before[cut]! - target) < Math.abs(before[best]! - target);
      if (isNear && (isSmaller || isNearer)) {
        best = cut;
      }
    }
    if (best !== undefined) {
      cuts.push(best);
    }
  }
  return cuts;
}

function cutsAfter(graph: Graph, names: readonly string[]): number[] {
  const positions = new Map(
    graph.nodes.flatMap((node, index) => node.outputs.map((name) => [name, index + 1] as const)),
  );
  positions.delete("");
  return names.map((name) => {
    const position = positions.get(name);
    if (position === undefined) {
      const nearest = nearestName(name, positions.keys());
      throw new ArgumentError(
        `checkpoint: no node of the graph makes a value "${name}"${nearest === undefined ? "" : `; did you mean "${nearest}"?`}.`,
        "checkpoint",
        name,
      );
    }
    return position;
  });
}

function numbered(graph: Graph, cuts: readonly number[]): number[] {
  const starts = new Set(cuts);
  let segment = 0;
  return graph.nodes.map((_, index) => {
    segment += starts.has(index) ? 1 : 0;
    return segment;
  });
}
