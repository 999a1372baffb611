import { type AnyData, type DifferentiableReward, isDifferentiable, type Reward } from "@diffusiongym/core";

/** A reward that counts the samples it was asked about; it has a gradient where the inner one has, which counts alike. */
export interface CountingReward {
  readonly reward: Reward<AnyData, object>;
  /** Samples judged so far. */
  calls(): number;
}

/** Wraps a reward. */
export function countingReward(inner: Reward<AnyData, object>): CountingReward {
  let count = 0;
  const evaluate: Reward<AnyData, object>["evaluate"] = (sample, latent, conditioning) => {
    count += sample.length;
    return inner.evaluate(sample, latent, conditioning);
  };
  if (!isDifferentiable(inner)) {
    return { reward: { evaluate }, calls: () => count };
  }
  const gradient: DifferentiableReward<AnyData, object>["gradient"] = (sample, latent, conditioning) => {
    count += sample.length;
    return inner.gradient(sample, latent, conditioning);
  };
  const reward: DifferentiableReward<AnyData, object> = { evaluate, gradient };
  return { reward, calls: () => count };
}
