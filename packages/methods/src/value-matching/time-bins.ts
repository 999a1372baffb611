import type { Metrics } from "../method/index.js";

const bins = 4;

/** What a regression did at one time, one entry a rollout. */
export interface FittedStep {
  readonly time: number;
  /** Targets, shape [n]. */
  readonly targets: Float32Array;
  /** V before the update, shape [n]; undefined when the value function does not say. */
  readonly values: Float32Array | undefined;
  /** 1 where the rollout counts, shape [n]. */
  readonly valids: Uint8Array;
}

/**
 * How well V fits in each quarter of time, q1 ... q4 (METHODS 1.1, "log extra"): `target_std_q`, the spread of the targets
 * among the rollouts at one time, and `value_r2_q`, the share of their variance that V explains.
 */
export class TimeBins {
  private readonly total = new Float64Array(bins);
  private readonly error = new Float64Array(bins);
  private readonly count = new Uint32Array(bins);
  private hasValues = true;

  add({ time, targets, values, valids }: FittedStep): void {
    const bin = Math.min(bins - 1, Math.floor(time * bins));
    this.hasValues &&= values !== undefined;
    let mean = 0;
    let count = 0;
    for (let i = 0; i < targets.length; i++) {
      count += valids[i]!;
      mean += valids[i]! * targets[i]!;
    }
    mean /= Math.max(1, count);
    for (let i = 0; i < targets.length; i++) {
      if (valids[i] === 1) {
        this.total[bin]! += (targets[i]! - mean) ** 2;
        this.error[bin]! += (targets[i]! - (values?.[i] ?? 0)) ** 2;
      }
    }
    this.count[bin]! += count;
  }

  /** Quarters without a step are left out, and so is R^2 where the targets do not vary. */
  metrics(): Metrics {
    const metrics: { [name: string]: number } = {};
    for (let bin = 0; bin < bins; bin++) {
      const total = this.total[bin]!;
      if (this.count[bin]! > 0) {
        metrics[`target_std_q${bin + 1}`] = Math.sqrt(total / this.count[bin]!);
      }
      if (total > 0 && this.hasValues) {
        metrics[`value_r2_q${bin + 1}`] = 1 - this.error[bin]! / total;
      }
    }
    return metrics;
  }
}
