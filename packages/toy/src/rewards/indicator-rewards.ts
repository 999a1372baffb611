import { BoxForm, HalfSpaceForm, type RewardForm, vectorOption } from "../forms/index.js";
import { directionOption } from "./linear-reward.js";
import { ToyReward } from "./toy-reward.js";

/** Options of `toy/box` and `toy/binary`. */
export interface BoxRewardOptions {
  /** Lower sides; a number means the same in every coordinate, -Infinity is allowed. @default 1 (`toy/binary`: 0) */
  readonly lower?: number | readonly number[];
  /** Upper sides, likewise. @default 3 (`toy/binary`: 1) */
  readonly upper?: number | readonly number[];
}

/** r(x) = 1 where lower <= x <= upper in every coordinate, else 0. A black-box reward: it has no gradient. */
export class BoxReward extends ToyReward {
  readonly #options: Required<BoxRewardOptions>;

  constructor(options: BoxRewardOptions = {}) {
    super();
    this.#options = { lower: options.lower ?? 1, upper: options.upper ?? 3 };
  }

  protected makeForm(dimension: number): RewardForm {
    const { lower, upper } = this.#options;
    return new BoxForm(vectorOption("lower", lower, dimension, true), vectorOption("upper", upper, dimension, true));
  }
}

/** r(x) = 1 on [0, 1], else 0: the box reward with the unit interval as its default. */
export class BinaryReward extends BoxReward {
  constructor(options: BoxRewardOptions = {}) {
    super({ lower: options.lower ?? 0, upper: options.upper ?? 1 });
  }
}

/** Options of `toy/halfspace`. */
export interface HalfSpaceRewardOptions {
  /** c, one entry a coordinate. @default the first coordinate axis */
  readonly direction?: readonly number[];
  /** h. @default 1 */
  readonly threshold?: number;
}

/** r(x) = 1 where direction . x > threshold, else 0. A black-box reward: it has no gradient. */
export class HalfSpaceReward extends ToyReward {
  readonly #options: HalfSpaceRewardOptions;

  constructor(options: HalfSpaceRewardOptions = {}) {
    super();
    this.#options = options;
  }

  protected makeForm(dimension: number): RewardForm {
    const { direction, threshold = 1 } = this.#options;
    return new HalfSpaceForm(directionOption(direction, dimension), vectorOption("threshold", threshold, 1)[0]!);
  }
}
