import { ArgumentError, type DiffusionData, RandomKey } from "@diffusiongym/core";
import { fingerprint } from "../method/index.js";
import { takeConditioning } from "../rows/index.js";
import type { DrawRequest, Endpoints } from "../sampling/index.js";

/** Consecutive runs of particles that were asked for. */
export interface Runs<C extends object> {
  /** Number of the first run. */
  readonly first: number;
  readonly count: number;
  /** Rows of all the runs' samples that were asked for: from ... to - 1. */
  readonly from: number;
  readonly to: number;
  /** One entry a run, or constants. */
  readonly conditioning: Partial<C>;
}

/**
 * The runs that samples come from, `kept` samples of each: run g gives samples g kept ... (g + 1) kept - 1, whichever of them are asked
 * for, so that what a sample is does not depend on what else is drawn.
 * @throws ArgumentError when samples of one run differ in their conditioning
 */
export function runsOf<D extends DiffusionData<D>, C extends object>(
  { n, indexOffset = 0, conditioning = {} }: DrawRequest<D, C>,
  kept: number,
): Runs<C> {
  const first = Math.floor(indexOffset / kept);
  const count = Math.ceil((indexOffset + n) / kept) - first;
  const leads = Array.from({ length: count }, (_, run) => Math.max(0, (first + run) * kept - indexOffset));
  const given = conditioning as Partial<C>;
  if (kept > 1 && Object.keys(given).length > 0) {
    const prints = Array.from({ length: n }, (_, i) => JSON.stringify(fingerprint(takeConditioning(given, [i]))));
    const stranger = prints.findIndex(
      (print, i) => print !== prints[leads[Math.floor((indexOffset + i) / kept) - first]!],
    );
    if (stranger >= 0) {
      throw new ArgumentError(
        `The ${kept} samples of a run share their conditioning, and sample ${stranger} has another than the first of its run. Give ` +
          "one condition to every run, or let a run give one sample.",
        "conditioning",
        stranger,
      );
    }
  }
  const from = indexOffset - first * kept;
  return { first, count, from, to: from + n, conditioning: takeConditioning(given, leads) };
}

/** Particles of consecutive runs. */
export interface ParticleRequest<D extends DiffusionData<D>, C extends object> extends DrawRequest<D, C> {
  /** Particles of a run; `n` is a multiple of it. */
  readonly size: number;
}

/**
 * A request for the starting states of all particles of `count` runs. What the model completes in the conditioning (a prompt, a number
 * of atoms) is that of a run's first particle, for all of them.
 * @param runs consecutive runs, `conditioning` one entry each
 */
export async function particleRequest<D extends DiffusionData<D>, C extends object>(
  request: DrawRequest<D, C>,
  runs: Pick<Runs<C>, "first" | "count" | "conditioning">,
  size: number,
): Promise<ParticleRequest<D, C>> {
  const { environment, seed, signal } = request;
  const n = runs.count * size;
  const indexOffset = runs.first * size;
  const ofRun = Int32Array.from({ length: n }, (_, i) => Math.floor(i / size));
  const streams = RandomKey.fromSeed(seed).fold("p0").streams(indexOffset);
  const drawn = await environment.baseModel.sampleP0(n, streams, takeConditioning(runs.conditioning, ofRun));
  const conditioning = takeConditioning(
    drawn.conditioning,
    ofRun.map((run) => run * size),
  );
  return { environment, n, seed, indexOffset, conditioning, signal, size };
}

/** Consecutive runs in parts of at most `atOnce`, and at least one, each. */
export function* partsOfRuns<C extends object>(runs: Runs<C>, atOnce: number): Generator<Omit<Runs<C>, "from" | "to">> {
  const size = Math.max(1, Math.floor(atOnce));
  for (let done = 0; done < runs.count; done += size) {
    const count = Math.min(size, runs.count - done);
    const rows = Array.from({ length: count }, (_, run) => done + run);
    yield { first: runs.first + done, count, conditioning: takeConditioning(runs.conditioning, rows) };
  }
}

/** Chosen endpoints, in the order of their indices. */
export function takeEndpoints<D extends DiffusionData<D>, C extends object>(
  { latent, sample, rewards, valids, conditioning }: Endpoints<D, C>,
  indices: Int32Array,
): Endpoints<D, C> {
  const chosen = latent.take(indices);
  return {
    latent: chosen,
    sample: sample === latent ? chosen : sample.take(indices),
    rewards: Float32Array.from(indices, (index) => rewards[index]!),
    valids: Uint8Array.from(indices, (index) => valids[index]!),
    conditioning: takeConditioning(conditioning, indices),
  };
}

/** Indices from ... to - 1. */
export function rangeOf(from: number, to: number): Int32Array {
  return Int32Array.from({ length: to - from }, (_, i) => from + i);
}
