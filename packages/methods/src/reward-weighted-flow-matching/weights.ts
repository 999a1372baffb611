import type { Json } from "../method/index.js";

/** Mean and deviation of rewards, averaged over the batches seen, the newer the more. */
export class RunningScale {
  readonly #decay: number;
  #weight = 0;
  #mean = 0;
  #square = 0;

  /** @param decay share of the past that is kept at each batch */
  constructor(decay: number) {
    this.#decay = decay;
  }

  /** Takes in the valid rewards of a batch. */
  add(rewards: ArrayLike<number>, valids: ArrayLike<number>): void {
    const judged = Array.from(rewards).filter((_, i) => valids[i] === 1);
    if (judged.length === 0) {
      return;
    }
    const mean = judged.reduce((sum, value) => sum + value, 0) / judged.length;
    const square = judged.reduce((sum, value) => sum + value ** 2, 0) / judged.length;
    this.#weight = this.#decay * this.#weight + 1 - this.#decay;
    this.#mean += ((1 - this.#decay) / this.#weight) * (mean - this.#mean);
    this.#square += ((1 - this.#decay) / this.#weight) * (square - this.#square);
  }

  /** Standard deviation; 0 before the first batch. */
  get deviation(): number {
    return Math.sqrt(Math.max(0, this.#square - this.#mean ** 2));
  }

  state(): Json {
    return [this.#weight, this.#mean, this.#square];
  }

  restore(state: Json): void {
    [this.#weight, this.#mean, this.#square] = state as [number, number, number];
  }
}

/**
 * exp(strength r) of each sample over its mean in the group, 0 for invalid samples; shape [n].
 * @param groupSize consecutive samples that share a condition; 0 for the whole batch
 */
export function meanOneWeights(
  rewards: ArrayLike<number>,
  valids: ArrayLike<number>,
  { strength, groupSize }: { readonly strength: number; readonly groupSize: number },
): Float64Array {
  const n = rewards.length;
  const size = groupSize || n;
  const weights = new Float64Array(n);
  for (let from = 0; from < n; from += size) {
    let most = Number.NEGATIVE_INFINITY;
    let count = 0;
    for (let i = from; i < from + size; i++) {
      if (valids[i] === 1) {
        most = Math.max(most, strength * rewards[i]!);
        count += 1;
      }
    }
    let sum = 0;
    for (let i = from; i < from + size; i++) {
      weights[i] = valids[i] === 1 ? Math.exp(strength * rewards[i]! - most) : 0;
      sum += weights[i]!;
    }
    for (let i = from; count > 0 && i < from + size; i++) {
      weights[i]! *= count / sum;
    }
  }
  return weights;
}
