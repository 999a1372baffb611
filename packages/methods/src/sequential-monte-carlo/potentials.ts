import type { DiffusionData, Environment } from "@diffusiongym/core";
import { endpointOf } from "../samplers/index.js";
import { judge } from "../sampling/index.js";
import type { Potential } from "./options.js";

/** Where potentials are wanted. */
export interface PotentialRequest<D, C> {
  readonly x: D;
  /** The base model's output there. */
  readonly reference: D;
  readonly time: number;
  readonly conditioning: C;
}

/** Log-potentials psi of particles along their paths: 0 at the start. */
export class Potentials<D extends DiffusionData<D>, C extends object> {
  /** psi of each particle at the last evaluation. */
  current: Float64Array;
  /** Rewards that were asked for. */
  rewardCalls = 0;

  constructor(
    private readonly environment: Environment<D, C>,
    private readonly potential: Potential<D, C>,
    n: number,
  ) {
    this.current = new Float64Array(n);
  }

  /** True when there is anything to evaluate. */
  get isActive(): boolean {
    return this.potential !== "none";
  }

  /** Moves psi on; a particle whose expected endpoint is invalid keeps what it had. */
  async advance({ x, reference, time, conditioning }: PotentialRequest<D, C>, isFirst: boolean): Promise<void> {
    const { environment, potential, current } = this;
    if (potential === "none") {
      return;
    }
    if (typeof potential === "object") {
      const values = await potential.value.value(x, new Float32Array(x.length).fill(time), conditioning);
      this.current = Float64Array.from(values, (value) => -value);
      return;
    }
    const { rewards, valids } = await judge(environment, endpointOf(environment, x, reference, time), conditioning);
    this.rewardCalls += rewards.length;
    this.current = current.map((before, i) => {
      const now = environment.rewardScale * rewards[i]!;
      if (valids[i] !== 1) {
        return before;
      }
      if (potential === "sum") {
        return before + now;
      }
      return potential === "max" && !isFirst ? Math.max(before, now) : now;
    });
  }

  /** Lets the particles at `sources` take everybody's place. */
  take(sources: Int32Array): void {
    const before = this.current;
    this.current = Float64Array.from(sources, (source) => before[source]!);
  }
}
