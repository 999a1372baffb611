/** Numbers of one iteration, by name. Names that several methods share are in `MetricName`. */
export type Metrics = { readonly [name: string]: number };

/**
 * Metric names that mean the same in every method, and in the field's dashboards:
 * `reward`, `reward_std`, `reward_min`, `reward_max` over valid samples; `kl_path`, the mean cost of control; `loss`;
 * `grad_norm`, before clipping; `valid_fraction`; `objective`, rewardScale * reward - kl_path; `state_max`, the largest
 * absolute state; `learning_rate`; `reward_scale`; `step_time`, seconds.
 */
export type MetricName =
  | "reward"
  | "reward_std"
  | "reward_min"
  | "reward_max"
  | "kl_path"
  | "loss"
  | "grad_norm"
  | "valid_fraction"
  | "objective"
  | "state_max"
  | "learning_rate"
  | "reward_scale"
  | "step_time";

/** Plain JSON. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [name: string]: Json };

/** Everything a method needs to go on exactly where it was. */
export interface MethodState {
  /** Iterations done. */
  readonly iteration: number;
  /** Float arrays by name: parameters, optimizer moments, averages. */
  readonly arrays: ReadonlyMap<string, Float32Array>;
  /** Everything else: counters, running statistics. */
  readonly values: { readonly [name: string]: Json };
}

/**
 * An adaptation algorithm. It says what it needs and refuses early; it advances one iteration at a time; its whole state
 * can be taken out and put back, so that a run that was cut off continues with the same bits.
 */
export interface Method {
  /** Name for reports and checkpoints. */
  readonly name: string;
  /** Iterations of a full run. */
  readonly iterations: number;
  /** Iterations done. */
  readonly iteration: number;
  /**
   * Checks every requirement before the first rollout.
   * @throws RequirementError saying what is missing and what to do
   */
  validate(): void | Promise<void>;
  /** One iteration. */
  iterate(signal?: AbortSignal): Promise<Metrics>;
  /** A copy of everything that `restore` needs. */
  state(): MethodState;
  /** Goes on where `state` was taken. */
  restore(state: MethodState): void;
  /** What identifies the run: a checkpoint is only taken up by a method that describes itself alike. */
  describe(): { readonly [name: string]: Json };
  /** BibTeX of the papers the method comes from. */
  cite(): string;
}
