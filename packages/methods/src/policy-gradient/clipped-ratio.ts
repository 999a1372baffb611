/** One term of the clipped objective. */
export interface ClippedTerm {
  /** min(rho A, clip(rho, 1 - c, 1 + c) A). */
  readonly value: number;
  /** Its derivative by log rho. */
  readonly slope: number;
  /** 1 where the upper bound holds it, -1 where the lower one does, else 0. */
  readonly clipped: -1 | 0 | 1;
}

/**
 * The objective of proximal policy optimisation (arXiv 1707.06347, equation 7) for one log-ratio log p_new - log p_old.
 * @param clip c >= 0
 */
export function clippedTerm(logRatio: number, advantage: number, clip: number): ClippedTerm {
  const ratio = Math.exp(logRatio);
  if (advantage > 0 && ratio > 1 + clip) {
    return { value: (1 + clip) * advantage, slope: 0, clipped: 1 };
  }
  if (advantage < 0 && ratio < 1 - clip) {
    return { value: (1 - clip) * advantage, slope: 0, clipped: -1 };
  }
  return { value: ratio * advantage, slope: ratio * advantage, clipped: 0 };
}

/** What the ratios of an update were like. */
export class RatioStatistics {
  private count = 0;
  private up = 0;
  private down = 0;
  private squares = 0;

  add(logRatio: number, clipped: number): void {
    this.count += 1;
    this.up += clipped > 0 ? 1 : 0;
    this.down += clipped < 0 ? 1 : 0;
    this.squares += logRatio ** 2 / 2;
  }

  /** `clip_fraction_up`, `clip_fraction_down`, and `approx_kl`, the mean of (log rho)^2 / 2. */
  metrics(): { clip_fraction_up: number; clip_fraction_down: number; approx_kl: number } {
    const count = Math.max(1, this.count);
    return {
      clip_fraction_up: this.up / count,
      clip_fraction_down: this.down / count,
      approx_kl: this.squares / count,
    };
  }
}
