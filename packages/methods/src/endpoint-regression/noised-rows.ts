import {
  type BaseModel,
  type Coefficient,
  type DiffusionData,
  type MaybePromise,
  sliceConditioning,
} from "@diffusiongym/core";
import type { BaseOutputSource } from "../policies/index.js";
import type { Noisings } from "../training/index.js";

/** Noised endpoints, ready for a network. */
export interface NoisedRows<D, C> extends Noisings<D> {
  readonly conditioning: C;
  /** The endpoint of each row, counted within the batch that was noised. */
  readonly sources: Int32Array;
}

/** Rows that go through the network together, with the base model's output there for whoever asks. */
export interface RowChunk<D, C> extends NoisedRows<D, C> {
  /** Index of the first row. */
  readonly from: number;
  readonly base: SharedBaseOutput<D>;
}

/** What the rows of a chunk are regressed onto. */
export interface RowTargets<D> {
  readonly targets: D;
  /**
   * Weight of each row, or of each row in each part, beside the factor that turns its error into one of the velocity. The
   * loss is the weighted sum over the number of all rows.
   * @default 1
   */
  readonly weights?: Coefficient;
}

/** The base model's output at some rows: computed when first asked for, and never twice. */
export class SharedBaseOutput<D> implements BaseOutputSource<D> {
  readonly #compute: () => MaybePromise<D>;
  #output: MaybePromise<D> | undefined;

  constructor(compute: () => MaybePromise<D>) {
    this.#compute = compute;
  }

  baseOutput(): MaybePromise<D> {
    this.#output ??= this.#compute();
    return this.#output;
  }

  /** For a regression on the same rows: the output if somebody has asked for it. */
  async known(): Promise<{ readonly reference?: D }> {
    return this.#output === undefined ? {} : { reference: await this.#output };
  }
}

/** Cuts rows into chunks of at most `rowsAtOnce`. */
export function* chunksOf<D extends DiffusionData<D>, C extends object>(
  rows: NoisedRows<D, C>,
  rowsAtOnce: number,
  baseModel: BaseModel<D, C>,
): Generator<RowChunk<D, C>> {
  const total = rows.t.length;
  for (let from = 0; from < total; from += rowsAtOnce) {
    const to = Math.min(total, from + rowsAtOnce);
    const part = total <= rowsAtOnce ? rows : sliceRows(rows, from, to);
    const base = new SharedBaseOutput(() => baseModel.forward(part.xt, part.t, part.conditioning));
    yield { ...part, from, base };
  }
}

/** One number a row from one number an endpoint. */
export function perRow<D, C>({ sources }: NoisedRows<D, C>, values: ArrayLike<number>): Float64Array {
  return Float64Array.from(sources, (source) => values[source]!);
}

function sliceRows<D extends DiffusionData<D>, C extends object>(
  { xt, t, x0, target, conditioning, sources }: NoisedRows<D, C>,
  from: number,
  to: number,
): NoisedRows<D, C> {
  return {
    xt: xt.slice(from, to),
    t: t.slice(from, to),
    x0: x0.slice(from, to),
    target: target.slice(from, to),
    conditioning: sliceConditioning(conditioning, from, to),
    sources: sources.slice(from, to),
  };
}

/** a + c (b - a), with c one number a row. */
export function between<D extends DiffusionData<D>>(a: D, b: D, c: ArrayLike<number>): D {
  const share = Float64Array.from(c);
  return a.linearCombination(
    share.map((value) => 1 - value),
    [[share, b]],
  );
}
