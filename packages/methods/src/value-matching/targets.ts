/** What value matching regresses on. */
export type ValueTarget = "martingale" | "plain";

/** What a rollout leaves for the targets, one array of length n a step. */
export interface CostRecord {
  /** Lengths dt_k of the steps. */
  readonly dts: readonly number[];
  /** 1/2 |u_k|^2. */
  readonly runningCosts: readonly Float32Array[];
  /** u_k . noise_k. */
  readonly controlNoise: readonly Float32Array[];
  /** -lambda r(x_N). */
  readonly terminal: Float32Array;
}

/**
 * Costs to go at the times t_0 ... t_N, one array of length n each (METHODS 1.1):
 *
 *     plain       C_k = -lambda r(x_N) + sum over j >= k of dt_j/2 |u_j|^2
 *     martingale  Y_k = C_k + sum over j >= k of sqrt(dt_j) u_j . noise_j
 *
 * The added stochastic integral has mean zero; along the optimal process Y_k is V(x_k, t_k) itself, path by path.
 */
export function costsToGo(record: CostRecord, target: ValueTarget): Float32Array[] {
  const { dts, runningCosts, controlNoise, terminal } = record;
  const n = terminal.length;
  const sums = Float64Array.from(terminal);
  const targets = new Array<Float32Array>(dts.length + 1);
  targets[dts.length] = terminal.slice();
  for (let k = dts.length - 1; k >= 0; k--) {
    const dt = dts[k]!;
    const root = target === "martingale" ? Math.sqrt(dt) : 0;
    for (let i = 0; i < n; i++) {
      sums[i]! += dt * runningCosts[k]![i]! + root * controlNoise[k]![i]!;
    }
    targets[k] = Float32Array.from(sums);
  }
  return targets;
}
