import type { Graph } from "../ir/index.js";
import { OpWriter } from "./op-writer.js";
import { findOp } from "./table.js";

/** A writer over the operator table: continues a graph, or begins a new one of the given name. */
export function createWriter(from: Graph | string): OpWriter {
  return new OpWriter(findOp, from);
}

/**
 * The graph with the type of every value inferred from its inputs. Symbolic lengths are carried through; where only the
 * run can tell a length, it gets a symbol of its own.
 * @throws ShapeError naming the node whose inputs do not fit; ArgumentError for an operator that is not in the table
 */
export function inferTypes(graph: Graph): Graph {
  return { ...graph, valueInfo: createWriter(graph).finish(graph.outputs).valueInfo };
}
