/** Options of `EndpointField`. */
export interface EndpointFieldOptions {
  /** D(x, t) = E[x1 | x_t = x] to start with, on the linear path. */
  readonly start: (x: number, t: number) => number;
  /** Particles. @default 400 */
  readonly particles?: number;
  /** Times, evenly from 0.002 to 0.98. @default 22 */
  readonly times?: number;
  /** The field is kept on [-reach, reach]. @default 6 */
  readonly reach?: number;
}

const spacing = 0.1;

/**
 * A model of one dimension with infinite capacity (METHODS 4.5): the endpoint D(x, t) on a grid, whose flow carries normal
 * quantiles to particles, and whose values are replaced by conditional means over these particles, damped.
 */
export class EndpointField {
  readonly times: Float64Array;
  /** x1 of each particle, increasing. */
  particles: Float64Array;
  readonly #places: Float64Array;
  readonly #values: Float64Array[];
  readonly #quantiles: Float64Array;
  readonly #reach: number;

  constructor({ start, particles = 400, times = 22, reach = 6 }: EndpointFieldOptions) {
    this.times = Float64Array.from({ length: times }, (_, k) => 0.002 + (0.978 * k) / (times - 1));
    this.#reach = reach;
    this.#places = Float64Array.from({ length: Math.round((2 * reach) / spacing) + 1 }, (_, j) => -reach + j * spacing);
    this.#values = Array.from(this.times, (t) => this.#places.map((x) => start(x, t)));
    this.#quantiles = Float64Array.from({ length: particles }, (_, i) => normalQuantile((i + 0.5) / particles));
    this.particles = this.#push();
  }

  /** Mean of a function over the particles. */
  mean(f: (x1: number) => number): number {
    return this.particles.reduce((sum, x1) => sum + f(x1), 0) / this.particles.length;
  }

  /** D at a time of the grid. */
  endpoint(k: number, x: number): number {
    const position = Math.min(Math.max((x + this.#reach) / spacing, 0), this.#places.length - 1.000001);
    const j = Math.floor(position);
    const values = this.#values[k]!;
    // Beyond the grid D goes on with the slope that it has there.
    const inside = values[j]! + (position - j) * (values[j + 1]! - values[j]!);
    const beyond = x - (-this.#reach + position * spacing);
    return inside + (Math.abs(beyond) > spacing ? (beyond * (values[j + 1]! - values[j]!)) / spacing : 0);
  }

  /**
   * One round: D <- D + damping (target - D) at every time and place, then new particles.
   * @param functions values at the particles whose conditional means the target needs
   * @param target the new endpoint, from these means and the old endpoint
   */
  round(
    damping: number,
    functions: readonly Float64Array[],
    target: (place: { x: number; t: number; endpoint: number; means: Float64Array }) => number,
  ): void {
    const means = new Float64Array(functions.length);
    for (const [k, t] of this.times.entries()) {
      const values = this.#values[k]!;
      let window = { from: 0, to: 0 };
      for (let j = 0; j < values.length; j++) {
        const x = this.#places[j]!;
        window = this.#window(x, t, window.from);
        this.#conditionalMeans(x, t, window, functions, means);
        values[j]! += damping * (target({ x, t, endpoint: values[j]!, means }) - values[j]!);
      }
    }
    this.particles = this.#push();
  }

  /** Particles within six standard deviations of x / t, or the nearest one; the start only moves up as x does. */
  #window(x: number, t: number, start: number): { from: number; to: number } {
    const { particles } = this;
    const [low, high] = [(x - 6 * (1 - t)) / t, (x + 6 * (1 - t)) / t];
    let from = start;
    while (from < particles.length - 1 && particles[from]! < low) from++;
    let to = from;
    while (to < particles.length && particles[to]! <= high) to++;
    if (to === from) {
      const before = Math.max(0, from - 1);
      const closer = Math.abs(x / t - particles[before]!) < Math.abs(particles[from]! - x / t) ? before : from;
      return { from: closer, to: closer + 1 };
    }
    return { from, to };
  }

  #conditionalMeans(
    x: number,
    t: number,
    { from, to }: { from: number; to: number },
    functions: readonly Float64Array[],
    means: Float64Array,
  ): void {
    const scale = to === from + 1 ? 0 : -1 / (2 * (1 - t) ** 2);
    means.fill(0);
    let total = 0;
    for (let i = from; i < to; i++) {
      const distance = x - t * this.particles[i]!;
      const weight = Math.exp(scale * distance * distance);
      total += weight;
      for (let f = 0; f < means.length; f++) {
        means[f]! += weight * functions[f]![i]!;
      }
    }
    for (let f = 0; f < means.length; f++) {
      means[f]! /= total;
    }
  }

  /** Heun on v = (D - x) / (1 - t), and the endpoint at the last time. */
  #push(): Float64Array {
    const last = this.times.length - 1;
    return this.#quantiles
      .map((start) => {
        let x = start;
        for (let k = 0; k < last; k++) {
          const [t, next] = [this.times[k]!, this.times[k + 1]!];
          const first = (this.endpoint(k, x) - x) / (1 - t);
          const ahead = x + (next - t) * first;
          const second = (this.endpoint(k + 1, ahead) - ahead) / (1 - next);
          x += ((next - t) * (first + second)) / 2;
        }
        return this.endpoint(last, x);
      })
      .sort();
  }
}

/** Inverse of the normal distribution function, by bisection on a series that is good to 1e-12 here. */
function normalQuantile(p: number): number {
  let [low, high] = [-8, 8];
  for (let k = 0; k < 60; k++) {
    const middle = (low + high) / 2;
    if (normalCdf(middle) < p) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}

function normalCdf(x: number): number {
  // 1/2 + phi(x) (x + x^3/3 + x^5/15 + ...)
  let term = x;
  let sum = x;
  for (let k = 3; Math.abs(term) > 1e-17 && k < 400; k += 2) {
    term *= (x * x) / k;
    sum += term;
  }
  return 0.5 + (sum * Math.exp((-x * x) / 2)) / Math.sqrt(2 * Math.PI);
}
