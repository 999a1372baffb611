import { Tensor } from "@diffusiongym/core";
import type { MoleculeGraph } from "../graph/index.js";
import { minimumAssignment } from "./assignment.js";
import { bestRotation } from "./rotation.js";

/** Options of `alignNoise`. */
export interface AlignmentOptions {
  /** Give the positions of the noise to other atoms of the molecule. @default true */
  readonly permute?: boolean;
  /** Turn the positions of the noise as a whole. @default true */
  readonly rotate?: boolean;
  /** Times that both are done, one after the other; each lowers the distance or leaves it. @default 1 */
  readonly rounds?: number;
}

/**
 * Brings the positions of noise near those of the data that it is to become: in each molecule the atoms of the noise, which
 * are all equal in law, change places by an optimal assignment, and are then turned by the best rotation, so that
 * sum_i |x0_i - x1_i|^2 is small. Paths from noise to data cross less, which makes the flow easier to learn and to integrate
 * (arXiv 2302.00482; for molecules 2312.07168). An equivariant model sees the law of the noise unchanged. Atom types, charges
 * and bonds stay as they are.
 * @param noise drawn by `randnLike`
 * @param data molecules of the same sizes, without their centre of mass
 */
export function alignNoise(noise: MoleculeGraph, data: MoleculeGraph, options: AlignmentOptions = {}): MoleculeGraph {
  const { permute = true, rotate = true, rounds = 1 } = options;
  const [positions, ...others] = noise.tensors();
  const aligned = positions!.data.slice();
  const { nodeOffsets } = data.structure;
  for (let m = 0; m < data.length; m++) {
    const [from, to] = [3 * nodeOffsets[m]!, 3 * nodeOffsets[m + 1]!];
    const own = aligned.subarray(from, to);
    const target = data.positions.data.subarray(from, to);
    for (let round = 0; round < rounds; round++) {
      if (permute) {
        permuteToward(own, target);
      }
      if (rotate) {
        rotateToward(own, target);
      }
    }
  }
  return noise.withTensors([new Tensor(aligned, positions!.shape), ...others]);
}

/** Reorders points so that the sum of their squared distances to the target's is least, in place. */
function permuteToward(points: Float32Array, target: Float32Array): void {
  const n = points.length / 3;
  const cost = new Float64Array(n * n);
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < n; j++) {
      const [dx, dy, dz] = [0, 1, 2].map((axis) => target[3 * i + axis]! - points[3 * j + axis]!);
      cost[i * n + j] = dx! * dx! + dy! * dy! + dz! * dz!;
    }
  }
  const chosen = minimumAssignment(cost, n);
  const before = points.slice();
  for (let i = 0; i < n; i++) {
    points.set(before.subarray(3 * chosen[i]!, 3 * chosen[i]! + 3), 3 * i);
  }
}

/** Turns points by the rotation that brings them nearest to the target's, in place. */
function rotateToward(points: Float32Array, target: Float32Array): void {
  const rotation = bestRotation(points, target);
  for (let i = 0; i < points.length; i += 3) {
    const [x, y, z] = [points[i]!, points[i + 1]!, points[i + 2]!];
    for (let row = 0; row < 3; row++) {
      points[i + row] = rotation[3 * row]! * x + rotation[3 * row + 1]! * y + rotation[3 * row + 2]! * z;
    }
  }
}
