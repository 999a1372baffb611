import { LinearForm, type RewardForm, vectorOption } from "../forms/index.js";
import { SmoothToyReward } from "./toy-reward.js";

/** Options of `toy/linear`. */
export interface LinearRewardOptions {
  /** c, one entry a coordinate. @default the first coordinate axis */
  readonly direction?: readonly number[];
  /** Constant added. @default 0 */
  readonly offset?: number;
}

/** r(x) = direction . x + offset. Tilting shifts every mode by lambda S c and reweights the modes. */
export class LinearReward extends SmoothToyReward {
  readonly #options: LinearRewardOptions;

  constructor(options: LinearRewardOptions = {}) {
    super();
    this.#options = options;
  }

  protected makeForm(dimension: number): RewardForm {
    const offset = vectorOption("offset", this.#options.offset ?? 0, 1)[0]!;
    return new LinearForm(directionOption(this.#options.direction, dimension), offset);
  }
}

/** The direction given, or the first coordinate axis. */
export function directionOption(direction: readonly number[] | undefined, dimension: number): Float64Array {
  return direction === undefined
    ? Float64Array.from({ length: dimension }, (_, i) => Number(i === 0))
    : vectorOption("direction", direction, dimension);
}
