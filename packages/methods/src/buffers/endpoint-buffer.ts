import {
  collate,
  concatConditioning,
  type DiffusionData,
  type Environment,
  IncompatibleError,
  joinFloats,
  type RandomStream,
  Tensor,
} from "@diffusiongym/core";
import type { Json } from "../method/index.js";
import { takeConditioning } from "../rows/index.js";
import { drawStart, type Endpoints } from "../sampling/index.js";
import { systematicResampling } from "../statistics/index.js";

/** Endpoints that were drawn together. */
export interface Pool<D, C> {
  /** Latents x1. */
  readonly x1: D;
  readonly conditioning: C;
  /** Rewards, shape [n]. */
  readonly rewards: Float32Array;
  /** 1 where the reward could judge the sample, shape [n]. */
  readonly valids: Uint8Array;
  /** log dP / dP_base of each path, shape [n]; 0 for samples of the base model. */
  readonly logRatio: Float32Array;
  /** Index of the first sample in its seed: with it the structure of the data can be drawn again. */
  readonly indexOffset: number;
}

/** Rows of a buffer, ready to be noised. */
export interface BufferRows<D, C> {
  readonly x1: D;
  readonly conditioning: C;
  readonly rewards: Float32Array;
  /** Where each row comes from, counted over all pools. */
  readonly indices: Int32Array;
}

/** Options of `EndpointBuffer`. */
export interface EndpointBufferOptions<D extends DiffusionData<D>, C extends object> {
  readonly environment: Environment<D, C>;
  /** Seed with which the endpoints are drawn. */
  readonly seed: number;
  /** Conditioning with which they are drawn: the same for every pool, or that of a pool of n endpoints. */
  readonly conditioning: Partial<C> | ((n: number) => Partial<C>);
}

/**
 * All endpoints that a method keeps, pool after pool, for replay. A checkpoint holds their numbers; what is structure (the
 * shapes of ragged data, prompts) is drawn again from the seed when a run goes on, which costs no reward and no network.
 */
export class EndpointBuffer<D extends DiffusionData<D>, C extends object> {
  readonly #options: EndpointBufferOptions<D, C>;
  #pools: Pool<D, C>[] = [];
  #saved: SavedPool[] = [];

  constructor(options: EndpointBufferOptions<D, C>) {
    this.#options = options;
  }

  /** The pools, in the order in which they were added. After `restore`, call `ready` first. */
  get pools(): readonly Pool<D, C>[] {
    return this.#pools;
  }

  /** Number of endpoints in all pools. */
  get length(): number {
    return this.#pools.reduce((sum, { rewards }) => sum + rewards.length, 0);
  }

  /**
   * Adds endpoints that were drawn with the buffer's seed and conditioning.
   * @param indexOffset index of the first sample, as it was drawn
   * @param logRatio log dP / dP_base of each path, kept as 32-bit numbers. @default 0
   */
  add(endpoints: Endpoints<D, C>, indexOffset: number, logRatio?: ArrayLike<number>): void {
    const { latent, rewards, valids, conditioning } = endpoints;
    this.#pools.push({
      x1: latent,
      conditioning,
      rewards,
      valids,
      logRatio: logRatio === undefined ? new Float32Array(latent.length) : Float32Array.from(logRatio),
      indexOffset,
    });
  }

  /** Forgets all but the last `count` pools. */
  keepLast(count: number): void {
    this.#pools = count === 0 ? [] : this.#pools.slice(-count);
  }

  /** A number of every endpoint, pool after pool: rewards, or whatever is computed from a pool. */
  join(pick: (pool: Pool<D, C>, index: number) => Float32Array): Float32Array {
    return joinFloats(this.#pools.map(pick));
  }

  /** Chosen endpoints, in the order of their indices over all pools. */
  take(indices: ArrayLike<number>): BufferRows<D, C> {
    const starts: number[] = [];
    let length = 0;
    for (const { rewards } of this.#pools) {
      starts.push(length);
      length += rewards.length;
    }
    const places = Array.from(indices, (index) => {
      let pool = starts.length - 1;
      while (starts[pool]! > index) {
        pool -= 1;
      }
      return { pool: this.#pools[pool]!, row: index - starts[pool]! };
    });
    const conditionings = places.map(({ pool, row }) => takeConditioning(pool.conditioning, [row]));
    const first = conditionings[0] ?? ({} as C);
    return {
      x1: collate(places.map(({ pool, row }) => pool.x1.at(row))),
      conditioning:
        Object.keys(first).length === 0
          ? first
          : concatConditioning(
              conditionings,
              conditionings.map(() => 1),
            ),
      rewards: Float32Array.from(places, ({ pool, row }) => pool.rewards[row]!),
      indices: Int32Array.from(indices),
    };
  }

  /**
   * Endpoints drawn by systematic resampling.
   * @param weights one an endpoint, >= 0, not all 0
   */
  resample(weights: ArrayLike<number>, count: number, stream: RandomStream): BufferRows<D, C> {
    return this.take(systematicResampling(weights, count, stream));
  }

  /** For `extraState` of a method. */
  state(): { readonly arrays: [string, Float32Array][]; readonly values: Json } {
    // What was restored and not used since is as it was saved.
    const pools: readonly SavedPool[] =
      this.#saved.length > 0
        ? this.#saved
        : this.#pools.map(({ x1, ...rest }) => ({
            ...rest,
            tensors: x1.tensors().map(({ data }) => data as Float32Array),
          }));
    const arrays = pools.flatMap(({ tensors, rewards, valids, logRatio }, index): [string, Float32Array][] => [
      ...tensors.map((data, k): [string, Float32Array] => [`pool${index}/x1.${k}`, Float32Array.from(data)]),
      [`pool${index}/rewards`, rewards.slice()],
      [`pool${index}/valids`, Float32Array.from(valids)],
      [`pool${index}/log_ratio`, logRatio.slice()],
    ]);
    return { arrays, values: pools.map(({ indexOffset }) => indexOffset) };
  }

  /** For `restoreExtra` of a method; `ready` must be called before the next use. */
  restore(arrays: ReadonlyMap<string, Float32Array>, values: Json): void {
    this.#pools = [];
    this.#saved = (values as readonly number[]).map((indexOffset, index) => {
      const get = (name: string): Float32Array => {
        const array = arrays.get(`pool${index}/${name}`);
        if (array === undefined) {
          throw new IncompatibleError(`The state lacks "pool${index}/${name}".`);
        }
        return array;
      };
      const tensors: Float32Array[] = [];
      for (let k = 0; arrays.has(`pool${index}/x1.${k}`); k++) {
        tensors.push(get(`x1.${k}`));
      }
      return {
        tensors,
        rewards: get("rewards"),
        valids: Uint8Array.from(get("valids")),
        logRatio: get("log_ratio"),
        indexOffset,
      };
    });
  }

  /** Draws the structure of restored endpoints again. Does nothing when there is nothing to do. */
  async ready(): Promise<void> {
    for (const { tensors, rewards, valids, logRatio, indexOffset } of this.#saved) {
      const { conditioning: given } = this.#options;
      const conditioning = typeof given === "function" ? given(rewards.length) : given;
      const start = await drawStart({ ...this.#options, conditioning, n: rewards.length, indexOffset });
      const shapes = start.x.tensors();
      const x1 = start.x.withTensors(tensors.map((data, k) => new Tensor(data, shapes[k]!.shape)));
      this.#pools.push({ x1, conditioning: start.conditioning, rewards, valids, logRatio, indexOffset });
    }
    this.#saved = [];
  }
}

interface SavedPool {
  readonly tensors: readonly Float32Array[];
  readonly rewards: Float32Array;
  readonly valids: Uint8Array;
  readonly logRatio: Float32Array;
  readonly indexOffset: number;
}
