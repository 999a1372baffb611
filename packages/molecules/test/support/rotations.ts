import type { RandomStream } from "@diffusiongym/core";

/** A rotation drawn evenly from all: row-major, shape [3, 3]. */
export function randomRotation(stream: RandomStream): Float64Array {
  const q = Array.from({ length: 4 }, () => stream.normal());
  const norm = Math.hypot(...q);
  const [w, x, y, z] = q.map((value) => value / norm) as [number, number, number, number];
  return Float64Array.of(
    ...[1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
    ...[2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
    ...[2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
  );
}

/** Points [n, 3] turned by a rotation. */
export function rotated(points: ArrayLike<number>, rotation: ArrayLike<number>): Float64Array {
  return Float64Array.from({ length: points.length }, (_, k) => {
    const [from, row] = [k - (k % 3), k % 3];
    return [0, 1, 2].reduce((sum, axis) => sum + rotation[3 * row + axis]! * points[from + axis]!, 0);
  });
}
