import type { DiffusionData, MaybePromise, RandomKey, SampleStreams } from "@diffusiongym/core";
import { takeConditioning } from "../rows/index.js";

/** Data points to learn, with whatever belongs to each. */
export interface TrainingBatch<D, C> {
  /** Data, n samples. */
  readonly x1: D;
  /** Conditioning of each, or constants. @default none */
  readonly conditioning?: C;
  /** Weight of each in the loss, shape [n]. @default 1 */
  readonly weights?: Float32Array;
  /** Time at which each is noised, shape [n]. @default drawn */
  readonly t?: Float32Array;
  /** Noise of each, of the structure of x1. @default drawn */
  readonly x0?: D;
}

/**
 * Where data comes from: a fixed set, of which every epoch takes each sample once in an order of its own, or a function
 * that draws n samples (sample i from its own stream).
 */
export type TrainingData<D, C> =
  | TrainingBatch<D, C>
  | ((n: number, streams: SampleStreams) => MaybePromise<TrainingBatch<D, C>>);

/**
 * The batch at positions `from` to `from + n` of the endless sequence of samples that a seed defines.
 * @param key key of the data's order
 */
export async function trainingBatch<D extends DiffusionData<D>, C extends object>(
  data: TrainingData<D, C>,
  from: number,
  n: number,
  key: RandomKey,
): Promise<TrainingBatch<D, C>> {
  if (typeof data === "function") {
    return data(n, key.fold("draw").streams(from));
  }
  const size = data.x1.length;
  const indices = new Int32Array(n);
  let order = new Int32Array(0);
  let orderEpoch = -1;
  for (let i = 0; i < n; i++) {
    const epoch = Math.floor((from + i) / size);
    if (epoch !== orderEpoch) {
      order = Int32Array.from(key.fold("epoch").fold(epoch).stream().permutation(size));
      orderEpoch = epoch;
    }
    indices[i] = order[(from + i) % size]!;
  }
  const pick = (values: Float32Array): Float32Array => Float32Array.from(indices, (index) => values[index]!);
  return {
    x1: data.x1.take(indices),
    ...(data.conditioning && { conditioning: takeConditioning(data.conditioning, indices) }),
    ...(data.weights && { weights: pick(data.weights) }),
    ...(data.t && { t: pick(data.t) }),
    ...(data.x0 && { x0: data.x0.take(indices) }),
  };
}
