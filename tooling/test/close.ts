/** How far a value may be from what is expected: `|actual - expected| <= absolute + relative * |expected|`. */
export interface Tolerance {
  /** @default 0 */
  readonly relative?: number;
  /** @default 0 */
  readonly absolute?: number;
}

/** Throws unless the arrays are equally long and close everywhere; names the worst index. NaN is never close. */
export function expectAllClose(actual: ArrayLike<number>, expected: ArrayLike<number>, tolerance: Tolerance): void {
  const { relative = 0, absolute = 0 } = tolerance;
  if (actual.length !== expected.length) {
    throw new Error(`Expected ${expected.length} values and got ${actual.length}.`);
  }
  let failures = 0;
  let worst = -1;
  let worstExcess = 0;
  for (let i = 0; i < expected.length; i++) {
    const a = actual[i]!;
    const e = expected[i]!;
    if (a === e) continue;
    const ratio = Math.abs(a - e) / (absolute + relative * Math.abs(e));
    const excess = Number.isFinite(a) && Number.isFinite(e) ? ratio : Infinity;
    if (excess <= 1) continue;
    failures += 1;
    if (excess > worstExcess) [worst, worstExcess] = [i, excess];
  }
  if (failures === 0) return;
  throw new Error(
    `${failures} of ${expected.length} values are not close (relative ${relative}, absolute ${absolute}). ` +
      `Worst at index ${worst}: got ${actual[worst]}, expected ${expected[worst]}, ` +
      `${worstExcess.toPrecision(3)} times the tolerance.`,
  );
}
