/**
 * Directional derivative of a function of a float32 array by a central difference, with the step the argument really took.
 * @param f a function of whatever `point` is part of
 * @param point moved and put back
 * @param direction as long as `point`
 * @param step length of the move in units of `direction`
 */
export async function directionalDerivative(
  f: () => Promise<number>,
  point: Float32Array,
  direction: ArrayLike<number>,
  step: number,
): Promise<number> {
  const start = point.slice();
  const at = async (sign: number): Promise<number> => {
    point.forEach((_, i) => {
      point[i] = start[i]! + sign * step * direction[i]!;
    });
    return f();
  };
  try {
    return ((await at(1)) - (await at(-1))) / (2 * step);
  } finally {
    point.set(start);
  }
}

/** Smooth numbers of order one, different for each seed. */
export function wave(length: number, seed: number): Float32Array {
  return Float32Array.from({ length }, (_, i) => Math.sin(1.7 * i + 2.3 * seed + 0.1 * i * seed));
}

export function dot(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) {
    sum += a[i]! * b[i]!;
  }
  return sum;
}
