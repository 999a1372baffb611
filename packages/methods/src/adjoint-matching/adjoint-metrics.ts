import type { DiffusionData } from "@diffusiongym/core";
import type { Transition } from "../kernels/index.js";
import type { Metrics } from "../method/index.js";
import { topShare } from "../statistics/index.js";

/** One step of the loss. */
export interface MatchedStep<D> {
  readonly transition: Transition;
  /** How many steps its term stands for. */
  readonly weight: number;
  readonly x: D;
  readonly adjoint: D;
  /** The base model's output. */
  readonly reference: D;
  /** The policy's shift of the mean in standard deviations. */
  readonly shift: D;
  /** What it should be, -s a. */
  readonly targetShift: D;
}

/** What the metrics look at. */
export interface AdjointMetricsInput<D> {
  readonly matched: readonly MatchedStep<D>[];
  /** a_N. */
  readonly terminal: D;
  /** a_0. */
  readonly initial: D;
  readonly valids: Uint8Array;
}

const bins = 4;

/**
 * `adjoint_end`, mean |a_N|; `adjoint_decay`, mean |a_0| over it, far below 1 when the steps are memoryless; and for each
 * quarter of time q1 ... q4 `adjoint_top1_q`, the share of the sum of |a| that the top 1 % of the paths carry,
 * `control_norm_q` and `target_norm_q`, root-mean-square shifts of the policy and of its target, and `control_cos_q`, the
 * cosine between the two over all entries.
 */
export function adjointMetrics<D extends DiffusionData<D>>(input: AdjointMetricsInput<D>): Metrics {
  const { matched, terminal, initial, valids } = input;
  const judged = (values: Float32Array): number[] => Array.from(values).filter((_, i) => valids[i] === 1);
  const norms = (data: D): number[] => judged(data.squaredNorm()).map(Math.sqrt);
  const end = mean(norms(terminal));
  const metrics: { [name: string]: number } = { adjoint_end: end };
  if (end > 0) {
    metrics.adjoint_decay = mean(norms(initial)) / end;
  }
  for (let bin = 0; bin < bins; bin++) {
    const steps = matched.filter(({ transition }) => Math.min(bins - 1, Math.floor(transition.from * bins)) === bin);
    if (steps.length === 0) {
      continue;
    }
    const control = mean(steps.flatMap(({ shift }) => judged(shift.squaredNorm())));
    const target = mean(steps.flatMap(({ targetShift }) => judged(targetShift.squaredNorm())));
    const inner = mean(steps.flatMap(({ shift, targetShift }) => judged(shift.mul(targetShift).aggregate("sum"))));
    metrics[`adjoint_top1_q${bin + 1}`] = mean(steps.map(({ adjoint }) => topShare(norms(adjoint))));
    metrics[`control_norm_q${bin + 1}`] = Math.sqrt(control);
    metrics[`target_norm_q${bin + 1}`] = Math.sqrt(target);
    if (control * target > 0) {
      metrics[`control_cos_q${bin + 1}`] = inner / Math.sqrt(control * target);
    }
  }
  return metrics;
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);
}
