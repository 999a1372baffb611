/** Round numbers along an axis, with the text of each. */
export interface Ticks {
  readonly values: readonly number[];
  /** Equal numbers of decimals, a real minus sign. */
  readonly labels: readonly string[];
  /** Distance between neighbours. */
  readonly step: number;
}

/**
 * Multiples of 1, 2 or 5 times a power of ten inside [low, high].
 * @param count about how many are wanted; the result has between half and twice as many @default 5
 */
export function niceTicks(low: number, high: number, count = 5): Ticks {
  const step = niceStep((high - low) / Math.max(count, 1));
  const first = Math.ceil(low / step - 1e-9);
  const last = Math.floor(high / step + 1e-9);
  // Multiples of the step are computed from whole numbers, so that rounding does not add up along the axis.
  const values = Array.from({ length: Math.max(0, last - first + 1) }, (_, i) => cleaned((first + i) * step, step));
  return { values, labels: values.map((value) => tickLabel(value, step)), step };
}

/** The nearest of 1, 2 and 5 times a power of ten. */
export function niceStep(rough: number): number {
  if (!(rough > 0) || !Number.isFinite(rough)) {
    return 1;
  }
  const power = 10 ** Math.floor(Math.log10(rough));
  const fraction = rough / power;
  const factor = fraction < Math.SQRT2 ? 1 : fraction < Math.sqrt(10) ? 2 : fraction < Math.sqrt(50) ? 5 : 10;
  return factor * power;
}

/** A tick's text: as many decimals as the step needs, powers of ten for very large and very small steps. */
export function tickLabel(value: number, step: number): string {
  const exponent = Math.floor(Math.log10(step) + 1e-9);
  const magnitude = Math.max(Math.abs(value), step);
  const text =
    exponent < -4 || magnitude >= 1e6
      ? value === 0
        ? "0"
        : value.toExponential(Math.max(0, Math.floor(Math.log10(magnitude)) - exponent)).replace("e+", "e")
      : value.toFixed(Math.max(0, -exponent));
  return text.replaceAll("-", "−");
}

function cleaned(value: number, step: number): number {
  const decimals = Math.min(20, Math.max(0, 2 - Math.floor(Math.log10(step))));
  const rounded = Number(value.toFixed(decimals));
  return rounded === 0 ? 0 : rounded;
}
