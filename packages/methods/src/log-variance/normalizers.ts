import type { DiffusionData } from "@diffusiongym/core";
import { Adam } from "@diffusiongym/nn";
import { type Json, underPrefix, withPrefix } from "../method/index.js";
import type { ExtraState } from "../training/index.js";
import type { TrainableValue } from "../value-matching/index.js";

/** The mean that is subtracted, and how the loss depends on it. */
export interface Residuals {
  /** L_i - lambda R_i + log Z of each path; 0 for invalid ones. */
  readonly values: Float64Array;
  /** d loss / d L_i for the loss reported; 0 for invalid ones. */
  readonly slopes: Float64Array;
  readonly loss: number;
  /** Mean estimate of log Z. */
  readonly logZ: number;
}

/** Excess of each group over its mean: loss = variance, unbiased, averaged over the groups. */
export function varianceResiduals(excess: Float64Array, valids: Uint8Array, groupSize: number): Residuals {
  const n = excess.length;
  const size = groupSize || n;
  const values = new Float64Array(n);
  const slopes = new Float64Array(n);
  const groups = n / size;
  let loss = 0;
  let logZ = 0;
  for (let from = 0; from < n; from += size) {
    const { mean, count } = groupMean(excess, valids, from, from + size);
    logZ -= mean / groups;
    for (let i = from; i < from + size; i++) {
      if (valids[i] === 1 && count > 1) {
        values[i] = excess[i]! - mean;
        slopes[i] = (2 * values[i]!) / ((count - 1) * groups);
        loss += values[i]! ** 2 / ((count - 1) * groups);
      }
    }
  }
  return { values, slopes, loss, logZ };
}

/** Squares of the excess plus a given log Z: loss = mean square. */
export function balanceResiduals(excess: Float64Array, valids: Uint8Array, logZ: ArrayLike<number>): Residuals {
  const count = Math.max(
    1,
    valids.reduce((sum, flag) => sum + flag, 0),
  );
  const values = excess.map((value, i) => (valids[i] === 1 ? value + logZ[i]! : 0));
  return {
    values,
    slopes: values.map((value) => (2 * value) / count),
    loss: values.reduce((sum, value) => sum + value * value, 0) / count,
    logZ: values.reduce((sum, _, i) => sum + (valids[i] === 1 ? logZ[i]! : 0), 0) / count,
  };
}

/** log Z of each group as a number that follows the mean of lambda R - L: SGD on the square. */
export class ScalarNormalizer {
  #logZ: number[];

  constructor(
    groups: number,
    private readonly rate: number,
  ) {
    this.#logZ = new Array<number>(groups).fill(0);
  }

  /** log Z of each sample's group. */
  at(n: number): Float64Array {
    const size = n / this.#logZ.length;
    return Float64Array.from({ length: n }, (_, i) => this.#logZ[Math.floor(i / size)]!);
  }

  /** Moves towards -mean(excess) of each group. */
  follow(excess: Float64Array, valids: Uint8Array): void {
    const size = excess.length / this.#logZ.length;
    this.#logZ = this.#logZ.map((logZ, group) => {
      const { mean, count } = groupMean(excess, valids, group * size, (group + 1) * size);
      return count === 0 ? logZ : logZ - this.rate * (logZ + mean);
    });
  }

  state(): Json {
    return [...this.#logZ];
  }

  restore(state: Json): void {
    this.#logZ = [...(state as number[])];
  }
}

/** -log Z of each starting state as a network, trained by its own Adam. */
export class StartNormalizer<D extends DiffusionData<D>, C extends object> {
  readonly #optimizer: Adam;

  constructor(
    private readonly value: TrainableValue<D, C>,
    learningRate: number,
  ) {
    this.#optimizer = new Adam(value.network.parameters, { learningRate });
  }

  /** log Z(x_0) of each sample. */
  async at(x: D, time: number, conditioning: C): Promise<Float64Array> {
    const values = await this.value.value(x, new Float32Array(x.length).fill(time), conditioning);
    return Float64Array.from(values, (value) => -value);
  }

  /** One step of the regression of V(x_0) on the excess L - lambda R. */
  async fit(
    x: D,
    time: number,
    { conditioning, excess, valids }: { conditioning: C; excess: Float64Array; valids: Uint8Array },
  ): Promise<void> {
    const count = Math.max(
      1,
      valids.reduce((sum, flag) => sum + flag, 0),
    );
    await this.value.regress({
      x,
      t: new Float32Array(x.length).fill(time),
      conditioning,
      targets: Float32Array.from(excess, (value, i) => (valids[i] === 1 ? value : 0)),
      weights: Float32Array.from(valids, (flag) => flag / count),
    });
    this.#optimizer.update(this.value.network.gradients);
  }

  state(): Required<ExtraState> {
    const { step, arrays } = this.#optimizer.state();
    return {
      arrays: [...withPrefix("start", this.value.network.parameters.state()), ...withPrefix("startOptimizer", arrays)],
      values: { startStep: step },
    };
  }

  restore(arrays: ReadonlyMap<string, Float32Array>, step: number): void {
    this.value.network.parameters.restore(underPrefix("start", arrays));
    this.#optimizer.restore({ step, arrays: underPrefix("startOptimizer", arrays) });
  }
}

function groupMean(
  values: Float64Array,
  valids: Uint8Array,
  from: number,
  to: number,
): { mean: number; count: number } {
  let count = 0;
  let sum = 0;
  for (let i = from; i < to; i++) {
    if (valids[i] === 1) {
      count += 1;
      sum += values[i]!;
    }
  }
  return { mean: sum / Math.max(1, count), count };
}
