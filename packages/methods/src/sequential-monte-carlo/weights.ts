import type { RandomKey } from "@diffusiongym/core";
import { effectiveSampleSize, logSumExp, normalizedWeights, systematicResampling } from "../statistics/index.js";

/** The weights of all particles of several runs, and what has become of them. */
export class ParticleWeights {
  /** log w since the last resampling. */
  readonly logWeights: Float64Array;
  /** The particle of the same run at the start from which each one descends. */
  ancestors: Int32Array;
  /** Log of the product of the mean weights at all resamplings, one a run. */
  readonly logZ: Float64Array;
  /** Resamplings, one a run. */
  readonly resamplings: Int32Array;

  constructor(
    private readonly runs: number,
    private readonly size: number,
  ) {
    this.logWeights = new Float64Array(runs * size);
    this.ancestors = Int32Array.from({ length: runs * size }, (_, i) => i % size);
    this.logZ = new Float64Array(runs);
    this.resamplings = new Int32Array(runs);
  }

  add(i: number, increment: number): void {
    this.logWeights[i]! += increment;
  }

  /** Effective sample size of a run over its size. */
  essFraction(run: number): number {
    return effectiveSampleSize(this.of(run)) / this.size;
  }

  /**
   * Resamples the runs whose effective sample size is below the threshold.
   * @param key one stream a run
   * @returns for each particle the one that takes its place, or undefined when all stay
   */
  resample(threshold: number, key: RandomKey, firstRun: number): Int32Array | undefined {
    let sources: Int32Array | undefined;
    for (let run = 0; run < this.runs; run++) {
      if (this.essFraction(run) >= threshold) {
        continue;
      }
      const stream = key.stream(firstRun + run);
      const chosen = systematicResampling(this.normalized(run), this.size, stream);
      sources ??= Int32Array.from(this.logWeights.keys());
      sources.set(
        chosen.map((index) => run * this.size + index),
        run * this.size,
      );
      this.collect(run);
      this.resamplings[run]! += 1;
    }
    const before = this.ancestors;
    this.ancestors = sources?.map((source) => before[source]!) ?? before;
    return sources;
  }

  /** Multiplies the mean weight of a run into its Z, and sets the weights to 1. */
  collect(run: number): void {
    const own = this.of(run);
    this.logZ[run]! += logSumExp(own) - Math.log(this.size);
    own.fill(0);
  }

  /** Weights of a run that sum to 1; all alike where all are 0. */
  normalized(run: number): Float64Array {
    const own = this.of(run);
    return logSumExp(own) === Number.NEGATIVE_INFINITY
      ? new Float64Array(this.size).fill(1 / this.size)
      : normalizedWeights(own);
  }

  /** Particles of the start that have descendants. */
  uniqueAncestors(run: number): number {
    return new Set(this.ancestors.subarray(run * this.size, (run + 1) * this.size)).size;
  }

  private of(run: number): Float64Array {
    return this.logWeights.subarray(run * this.size, (run + 1) * this.size);
  }
}
