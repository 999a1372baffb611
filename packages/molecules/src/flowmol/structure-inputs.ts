import { Tensor } from "@diffusiongym/core";
import type { NamedTensors } from "@diffusiongym/nn";
import type { GraphStructure } from "../graph/index.js";

/** Batches of one run share their structure, so its tensors are made once. */
const made = new WeakMap<GraphStructure, NamedTensors>();

/** The inputs of a FlowMol network that say which atoms and edges belong to which molecule. */
export function structureInputs(structure: GraphStructure): NamedTensors {
  let inputs = made.get(structure);
  if (inputs === undefined) {
    const { edgeSources, edgeTargets, atomCounts, nodeOffsets, edgeOffsets } = structure;
    const reverse = new Int32Array(edgeSources.length);
    const molecules = new Int32Array(nodeOffsets.at(-1)!);
    const shares = new Float32Array(molecules.length);
    for (let m = 0; m < atomCounts.length; m++) {
      molecules.fill(m, nodeOffsets[m], nodeOffsets[m + 1]);
      shares.fill(1 / atomCounts[m]!, nodeOffsets[m], nodeOffsets[m + 1]);
      const half = (edgeOffsets[m + 1]! - edgeOffsets[m]!) / 2;
      for (let edge = edgeOffsets[m]!; edge < edgeOffsets[m]! + half; edge++) {
        reverse[edge] = edge + half;
        reverse[edge + half] = edge;
      }
    }
    const vector = <A extends Int32Array | Float32Array>(data: A): Tensor<A> => new Tensor(data, [data.length]);
    inputs = {
      edgeSources: vector(edgeSources),
      edgeTargets: vector(edgeTargets),
      reverseEdges: vector(reverse),
      nodeMolecules: vector(molecules),
      shares: vector(shares),
    };
    made.set(structure, inputs);
  }
  return inputs;
}
