import { mapEntries, type Tensor } from "@diffusiongym/core";
import type { GraphStructure } from "./structure.js";

/** Moves the mean of each molecule's rows of three to the origin, in place. */
export function removeCentre(positions: Float32Array, { nodeOffsets, atomCounts }: GraphStructure): void {
  for (let m = 0; m < atomCounts.length; m++) {
    const [first, end] = [3 * nodeOffsets[m]!, 3 * nodeOffsets[m + 1]!];
    for (let axis = 0; axis < 3; axis++) {
      let sum = 0;
      for (let j = first + axis; j < end; j += 3) {
        sum += positions[j]!;
      }
      const mean = sum / atomCounts[m]!;
      for (let j = first + axis; j < end; j += 3) {
        positions[j]! -= mean;
      }
    }
  }
}

/** Writes the upper edges' rows into the lower ones', in place. */
export function copyUpperToLower(bonds: Float32Array, columns: number, { edgeOffsets }: GraphStructure): void {
  for (let m = 0; m + 1 < edgeOffsets.length; m++) {
    const [from, to] = [edgeOffsets[m]! * columns, edgeOffsets[m + 1]! * columns];
    const middle = (from + to) / 2;
    bonds.copyWithin(middle, from, middle);
  }
}

/** Replaces both directions of each bond by their mean, in place. */
export function meanOfDirections(bonds: Float32Array, columns: number, { edgeOffsets }: GraphStructure): void {
  for (let m = 0; m + 1 < edgeOffsets.length; m++) {
    const [from, to] = [edgeOffsets[m]! * columns, edgeOffsets[m + 1]! * columns];
    const half = (to - from) / 2;
    for (let j = from; j < from + half; j++) {
      const mean = (bonds[j]! + bonds[j + half]!) / 2;
      bonds[j] = mean;
      bonds[j + half] = mean;
    }
  }
}

/** A tensor times a number. */
export function scaled(tensor: Tensor, factor: number): Tensor<Float32Array> {
  return mapEntries(tensor, (value) => factor * value);
}
