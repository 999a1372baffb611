import { ArgumentError, ShapeError } from "@diffusiongym/core";
import {
  constantTensor,
  type Graph,
  nameOutputs,
  prune,
  UniqueNames,
  type ValueInfo,
  valueNames,
} from "../ir/index.js";
import { createWriter, equalShapes, isFloat, type OpWriter, printShape } from "../ops/index.js";
import { gradients } from "./gradients.js";

/** Most entries a sample for which the exact trace is written. */
const largestExact = 256;

/** Options of `jacobianTrace`. */
export interface JacobianTraceOptions {
  /** Which output is differentiated with respect to which input: `{ x: "velocity" }`; each pair has one shape [N, ...]. */
  readonly pairs: Readonly<Record<string, string>>;
  /**
   * `"exact"` writes one backward pass for each entry of a sample (at most 256), all on one forward pass; `"probe"` writes
   * one for a direction that is fed, Hutchinson's estimate. @default "exact"
   */
  readonly method?: "exact" | "probe";
  /** Outputs of the original graph that the result keeps. @default all */
  readonly keep?: readonly string[];
}

/** A graph that computes the trace, and what its new values are called. */
export interface JacobianTrace {
  /** Outputs: those kept, then the trace. */
  readonly graph: Graph;
  /** Output name of the trace, of shape [N]; `trace` unless taken. */
  readonly trace: string;
  /** Input name of each probe, by the input it is a direction of; `probe:<name>` unless taken. Empty for `"exact"`. */
  readonly probes: ReadonlyMap<string, string>;
}

/**
 * The trace of the Jacobian d output / d input of every sample, the divergence of a field: as a graph, so that it can be
 * differentiated or be part of a loss. The first axis is the samples, each of which depends on itself only.
 *
 *     exact:  tr = sum_j d y_j / d x_j            probe e:  e^T J e, whose mean over e is tr when E[e e^T] = 1
 *                                                           (Hutchinson 1990; arXiv 1810.01367 for fields)
 *
 * @throws ArgumentError for names that do not exist, no pairs, or more than 256 entries a sample; ShapeError when the shapes
 *   of a pair differ
 */
export function jacobianTrace(graph: Graph, options: JacobianTraceOptions): JacobianTrace {
  const { method = "exact", keep = graph.outputs } = options;
  const g = createWriter(graph);
  const inputs = graph.inputs.map(({ name }) => name);
  const pairs = Object.entries(options.pairs).map(([input, output]) => {
    if (!inputs.includes(input)) {
      throw new ArgumentError(
        `jacobianTrace: "${input}" is no input of the graph; its inputs are ${inputs.join(", ")}. Pairs are written { input: "output" }.`,
        "pairs",
        options.pairs,
      );
    }
    return { x: g.value(input), y: g.value(output) };
  });
  if (pairs.length === 0) {
    throw new ArgumentError("jacobianTrace: no pair of an input and an output was given.", "pairs", options.pairs);
  }
  for (const { x, y } of pairs) {
    if (!equalShapes(x.shape, y.shape) || x.shape.length === 0 || !isFloat(x.type)) {
      throw new ShapeError(
        `jacobianTrace: "${y.name}" has the shape ${printShape(y.shape)} and "${x.name}" ${x.type} ${printShape(x.shape)}; ` +
          "a trace needs floats of equal shapes [N, ...].",
      );
    }
  }
  const names = new UniqueNames(valueNames(graph));
  const probes = new Map<string, string>();
  let terms: ValueInfo[];
  if (method === "probe") {
    const directions = pairs.map(({ x }) => {
      const name = names.unique(`probe:${x.name}`);
      probes.set(x.name, name);
      return g.declareInput(name, x);
    });
    const of = pairs.map(({ y }) => y);
    const products = gradients(g, { of, wrt: pairs.map(({ x }) => x), cotangents: directions });
    terms = products.map((product, k) => sumOfSample(g, g.mul(product, directions[k]!)));
  } else {
    terms = pairs.flatMap(({ x, y }) => diagonal(g, x, y));
  }
  const sum = terms.reduce((total, term) => g.add(total, term));
  const trace = names.unique("trace");
  const outputs = new Map([...graph.outputs.map((name) => [name, name] as const), [trace, sum.name]]);
  const named = nameOutputs(g.finish(graph.outputs), outputs, valueNames(graph));
  return { graph: prune(named, { outputs: [...keep, trace] }), trace, probes };
}

/** d y_j / d x_j of every sample for every j, each of shape [N]. */
function diagonal(g: OpWriter, x: ValueInfo, y: ValueInfo): ValueInfo[] {
  const sample = x.shape.slice(1).map((length) => {
    if (typeof length === "string") {
      throw new ShapeError(
        `jacobianTrace: "${x.name}" has the shape ${printShape(x.shape)}; the exact trace needs numbers after the first axis. Use method: "probe".`,
      );
    }
    return length;
  });
  const size = sample.reduce((product, length) => product * length, 1);
  if (size > largestExact) {
    throw new ArgumentError(
      `jacobianTrace: "${x.name}" has ${size} entries a sample, and the exact trace takes a backward pass for each (at most ${largestExact}). Use method: "probe".`,
      "method",
      "exact",
    );
  }
  return Array.from({ length: size }, (_, j) => {
    const unit = new Float32Array(size);
    unit[j] = 1;
    const cotangent = g.expandTo(g.constant(constantTensor("float32", [1, ...sample], unit)), y);
    const [row] = gradients(g, { of: y, wrt: [x], cotangents: [cotangent] });
    const flat = g.reshape(row!, [-1, size]);
    return g.reshape(g.slice(flat, { starts: [j], ends: [j + 1], axes: [1] }), [-1]);
  });
}

/** Sum over all axes but the first. */
function sumOfSample(g: OpWriter, x: ValueInfo): ValueInfo {
  const others = x.shape.slice(1).map((_, axis) => axis + 1);
  return g.reduceSum(x, { axes: others });
}
