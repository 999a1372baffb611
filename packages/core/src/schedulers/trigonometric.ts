import { Scheduler } from "./scheduler.js";
import type { SchedulerSpec } from "./spec.js";

const HALF_PI = Math.PI / 2;

/**
 * The variance-preserving trigonometric path (GVP; arXiv 2209.15571, 2401.08740): alpha = sin(pi t / 2),
 * beta = cos(pi t / 2), kappa = eta = (pi/2) cot(pi t / 2), W = pi / 2.
 */
export class Trigonometric extends Scheduler {
  spec(): SchedulerSpec {
    return { type: "trigonometric" };
  }

  protected alphaAt(t: number): number {
    return Math.sin(HALF_PI * t);
  }

  /** cos(pi t / 2) as a sine, which is exactly 0 at t = 1 and keeps its digits near there. */
  protected betaAt(t: number): number {
    return Math.sin(HALF_PI * (1 - t));
  }

  protected alphaDotAt(t: number): number {
    return HALF_PI * this.betaAt(t);
  }

  protected betaDotAt(t: number): number {
    return -HALF_PI * this.alphaAt(t);
  }

  protected override kappaAt(t: number): number {
    return (HALF_PI * this.betaAt(t)) / this.alphaAt(t);
  }

  protected override wronskianAt(): number {
    return HALF_PI;
  }

  protected override etaAt(t: number): number {
    return this.kappaAt(t);
  }
}
