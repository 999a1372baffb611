import { Scheduler } from "./scheduler.js";
import type { SchedulerSpec } from "./spec.js";

/**
 * The linear path of flow matching with optimal-transport conditional paths (arXiv 2210.02747): alpha = t, beta = 1 - t,
 * kappa = 1 / t, W = 1, eta = (1 - t) / t.
 */
export class OptimalTransport extends Scheduler {
  spec(): SchedulerSpec {
    return { type: "optimal-transport" };
  }

  protected alphaAt(t: number): number {
    return t;
  }

  protected betaAt(t: number): number {
    return 1 - t;
  }

  protected alphaDotAt(): number {
    return 1;
  }

  protected betaDotAt(): number {
    return -1;
  }

  protected override kappaAt(t: number): number {
    return 1 / t;
  }

  protected override wronskianAt(): number {
    return 1;
  }

  protected override etaAt(t: number): number {
    return (1 - t) / t;
  }
}
