import { setImmediate } from "node:timers/promises";
import { type AnyData, DDTensor, RandomKey, type RecordedField, Sample } from "@diffusiongym/core";
import type { AnyEnvironment } from "../exact/index.js";

/** What `rollOut` runs. */
export interface RollOutOptions {
  readonly n: number;
  readonly seed: number;
  /** Samples computed at once; does not change any number. @default many for small data, 64 for large */
  readonly batchSize?: number | undefined;
  readonly record?: readonly RecordedField[];
  readonly signal: AbortSignal;
  /** Called with the samples done, counted in whole steps of the grid. */
  readonly onProgress?: (samples: number) => void;
}

/** Milliseconds of work between looks at the terminal and the signals: a rollout without a network never pauses by itself. */
const pauseMs = 50;

/** Samples from an environment in batches, pausing now and then so that Ctrl-C is heard. */
export async function rollOut(environment: AnyEnvironment, options: RollOutOptions): Promise<Sample<AnyData, object>> {
  const { n, seed, record = [], signal, onProgress } = options;
  const batchSize = options.batchSize ?? (await suitableBatchSize(environment));
  const parts: Sample<AnyData, object>[] = [];
  let pausedMs = performance.now();
  for (let from = 0; from === 0 || from < n; from += batchSize) {
    const count = Math.min(batchSize, n - from);
    const rollout = environment.rollout(count, { seed, indexOffset: from, record, signal });
    let next = await rollout.next();
    while (!next.done) {
      onProgress?.(from + Math.floor((count * (next.value.index + 1)) / environment.steps));
      if (performance.now() - pausedMs > pauseMs) {
        await setImmediate();
        pausedMs = performance.now();
      }
      next = await rollout.next();
    }
    parts.push(next.value);
  }
  return Sample.concat(parts);
}

/** Entries that a batch may have, so that its states fit the caches. */
const batchEntries = 16_384;

async function suitableBatchSize(environment: AnyEnvironment): Promise<number> {
  return Math.max(64, Math.min(4096, Math.floor(batchEntries / (await entriesOf(environment)))));
}

/** How many samples to draw when nobody said: `many` of small data; of large data so many that they can be looked at. */
export async function suitableCount(environment: AnyEnvironment, many: number): Promise<number> {
  return (await entriesOf(environment)) <= smallEntries ? many : Math.min(many, 128);
}

/** Entries of a sample of small data. */
const smallEntries = 64;

/** Numbers that one sample is made of; at least 1. */
async function entriesOf(environment: AnyEnvironment): Promise<number> {
  const { x } = await environment.baseModel.sampleP0(1, RandomKey.fromSeed(0).streams(), {});
  return Math.max(
    1,
    (x as AnyData).tensors().reduce((sum, tensor) => sum + tensor.size, 0),
  );
}

/** Points in few dimensions, which can be drawn. */
export interface Points {
  readonly dimension: number;
  /** `[n, dimension]`, row by row. */
  readonly data: Float32Array;
}

/** The samples as points, when they are vectors. */
export function asPoints(data: AnyData): Points | undefined {
  return data instanceof DDTensor && data.sampleShape.length === 1
    ? { dimension: data.sampleShape[0]!, data: data.data }
    : undefined;
}
