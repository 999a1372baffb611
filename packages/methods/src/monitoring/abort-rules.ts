import { type Json, type Metrics, TrainingAbortedError } from "../method/index.js";

/** What the abort rules compare with, measured on the base model before training. */
export interface Baseline {
  /** Mean reward of base samples. */
  readonly rewardMean: number;
  /** Standard deviation of those rewards. */
  readonly rewardStd: number;
  /** How many samples were valid; with none the mean means nothing. */
  readonly valid: number;
  /** Largest absolute number in the states of base rollouts. */
  readonly stateMax: number;
}

const window = 50;
const gradientHistory = 101;

/**
 * The rules by which a run stops itself (METHODS 1): states far outside the base model's, exploding gradients, the two
 * signatures of a flipped sign, and rewards that can hardly ever be computed. NaN and infinities are refused where they arise.
 */
export class AbortRules {
  private readonly gradientNorms: number[] = [];
  private readonly rewards: number[] = [];
  private readonly klPaths: number[] = [];
  private explodedInARow = 0;
  private invalidInARow = 0;

  /**
   * @param iterations iterations of the whole run
   * @param sign sign of the reward scale: with a negative one, a falling reward is progress
   */
  constructor(
    private readonly iterations: number,
    private readonly sign: number,
  ) {}

  /**
   * Looks at the metrics of an iteration.
   * @param iteration iterations done, from 1
   * @throws TrainingAbortedError naming the rule, the numbers, and what to try
   */
  check(iteration: number, metrics: Metrics, baseline: Baseline): void {
    const stop = (rule: string, message: string): never => {
      throw new TrainingAbortedError(`Stopped in iteration ${iteration}: ${message}`, rule, iteration);
    };
    this.checkStates(metrics, baseline, stop);
    this.checkGradients(metrics.grad_norm, stop);
    this.checkValidity(metrics.valid_fraction, stop);
    this.checkSign(iteration, metrics, baseline, stop);
  }

  /** Everything the rules remember. */
  state(): Json {
    return {
      gradientNorms: [...this.gradientNorms],
      rewards: [...this.rewards],
      klPaths: [...this.klPaths],
      explodedInARow: this.explodedInARow,
      invalidInARow: this.invalidInARow,
    };
  }

  /** Puts back what `state` gave. */
  restore(state: Json): void {
    const saved = state as {
      gradientNorms: number[];
      rewards: number[];
      klPaths: number[];
      explodedInARow: number;
      invalidInARow: number;
    };
    this.gradientNorms.splice(0, Number.POSITIVE_INFINITY, ...saved.gradientNorms);
    this.rewards.splice(0, Number.POSITIVE_INFINITY, ...saved.rewards);
    this.klPaths.splice(0, Number.POSITIVE_INFINITY, ...saved.klPaths);
    this.explodedInARow = saved.explodedInARow;
    this.invalidInARow = saved.invalidInARow;
  }

  private checkStates(metrics: Metrics, baseline: Baseline, stop: Stop): void {
    const stateMax = metrics.state_max;
    if (stateMax !== undefined && stateMax > 50 * baseline.stateMax) {
      stop(
        "state",
        `a state reached ${stateMax.toPrecision(3)}, over 50 times the base model's ${baseline.stateMax.toPrecision(3)}. ` +
          "Lower the learning rate or anneal the reward scale from a smaller one.",
      );
    }
  }

  private checkGradients(norm: number | undefined, stop: Stop): void {
    if (norm === undefined) {
      return;
    }
    const typical = median(this.gradientNorms);
    this.explodedInARow = typical > 0 && norm > 1e4 * typical ? this.explodedInARow + 1 : 0;
    if (this.explodedInARow >= 3) {
      stop(
        "gradient",
        `the gradient norm was over 10 000 times its median (${typical.toPrecision(3)}) three times in a row. Lower the learning rate.`,
      );
    }
    remember(this.gradientNorms, norm, gradientHistory);
  }

  private checkValidity(validFraction: number | undefined, stop: Stop): void {
    if (validFraction === undefined) {
      return;
    }
    this.invalidInARow = validFraction < 0.05 ? this.invalidInARow + 1 : 0;
    if (this.invalidInARow >= 20) {
      stop("validity", "under 5 % of the samples were valid for 20 iterations. Check the base model and the reward.");
    }
  }

  private checkSign(iteration: number, metrics: Metrics, baseline: Baseline, stop: Stop): void {
    const reward = metrics.reward;
    const klPath = metrics.kl_path;
    if (reward === undefined || metrics.valid_fraction === 0) {
      return;
    }
    remember(this.rewards, this.sign * reward, window);
    // Methods that sample by an ODE know no path KL; what the rewards alone show is looked at all the same.
    if (klPath !== undefined) {
      remember(this.klPaths, klPath, window);
    }
    if (this.rewards.length < window) {
      return;
    }
    if (
      klPath !== undefined &&
      this.klPaths.length === window &&
      trend(this.klPaths) > trendLimit &&
      trend(this.rewards) < -trendLimit
    ) {
      stop(
        "diverging",
        `for ${window} iterations the path KL rose while the reward fell, as with a wrong sign. Check the signs of reward and control.`,
      );
    }
    const recent = this.rewards.slice(-20);
    const mean = recent.reduce((sum, value) => sum + value, 0) / recent.length;
    // Rewards that were all alike by chance, such as a rare failure that base samples did not meet, have no spread of their own.
    const spread = Math.max(baseline.rewardStd, metrics.reward_std ?? 0);
    const limit = this.sign * baseline.rewardMean - (3 * spread) / Math.sqrt(Math.max(1, baseline.valid));
    if (baseline.valid > 0 && iteration > 0.1 * this.iterations && mean < limit) {
      stop(
        "below-base",
        `the mean reward ${(this.sign * mean).toPrecision(4)} of the last 20 iterations is worse than the base model's ` +
          `${baseline.rewardMean.toPrecision(4)} by over 3 standard errors, as with a wrong sign. Check the signs of reward and control.`,
      );
    }
  }
}

type Stop = (rule: string, message: string) => never;

/** A slope this many standard errors from 0 over the window is no accident, even looked at a thousand times. */
const trendLimit = 6;

/** Slope of a least-squares line over its standard error. */
function trend(values: readonly number[]): number {
  const n = values.length;
  const center = (n - 1) / 2;
  const mean = values.reduce((sum, value) => sum + value, 0) / n;
  let covariance = 0;
  let spread = 0;
  for (const [i, value] of values.entries()) {
    covariance += (i - center) * (value - mean);
    spread += (i - center) ** 2;
  }
  const slope = covariance / spread;
  let residual = 0;
  for (const [i, value] of values.entries()) {
    residual += (value - mean - slope * (i - center)) ** 2;
  }
  const error = Math.sqrt(residual / (n - 2) / spread);
  return slope === 0 ? 0 : slope / error;
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}

function remember(history: number[], value: number, limit: number): void {
  history.push(value);
  if (history.length > limit) {
    history.shift();
  }
}
