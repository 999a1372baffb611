import { type NoConditioning, sliceConditioning } from "../conditioning/index.js";
import type { DDTensor, DiffusionData } from "../data/index.js";
import { RandomKey } from "../random/index.js";
import { checkRewards, isDifferentiable, type Reward } from "../rewards/index.js";
import { arrayDistance, Checklist, sameBits } from "./conformance.js";

/** What `checkReward` tries a reward on. */
export interface RewardCheck<D, C> {
  /** At least 4 finished samples. */
  readonly sample: D;
  /** Their latents. @default the samples */
  readonly latent?: D;
  /** Their conditioning. @default {} */
  readonly conditioning?: C;
  /** Largest relative difference allowed between a batch and its samples alone. @default 1e-5 */
  readonly tolerance?: number;
  /** Step of the finite differences that check a gradient. @default 1e-2 */
  readonly step?: number;
  /** Largest relative error of the gradient in a random direction. @default 1e-2 */
  readonly gradientTolerance?: number;
}

/**
 * Checks that a reward keeps its promises: one finite number a valid sample, determinism, no influence between samples,
 * inputs left alone, and a gradient that agrees with finite differences where there is one.
 * @returns the number of checks that passed
 * @throws ConformanceError listing every broken promise
 */
export async function checkReward<D extends DiffusionData<D> = DDTensor, C extends object = NoConditioning>(
  reward: Reward<D, C>,
  setup: RewardCheck<D, C>,
): Promise<number> {
  const { sample, latent = sample, tolerance = 1e-5, step = 1e-2, gradientTolerance = 1e-2 } = setup;
  const conditioning = setup.conditioning ?? ({} as C);
  const n = sample.length;
  const list = new Checklist(`The reward ${reward.constructor.name}`);
  const before = sample.clone();
  const result = await list.need("evaluate must judge the samples it is given.", () =>
    reward.evaluate(sample, latent, conditioning),
  );

  await list.check("give at least 4 samples to check with.", () => n >= 4);
  await list.check("rewards must be one finite number a valid sample, valids one 0 or 1 a sample.", () => {
    checkRewards(result, n);
    return result.valids.every((valid) => valid === 0 || valid === 1);
  });
  await list.check("evaluate must not change the samples.", () => sameBits(sample, before));
  await list.check("evaluate must be deterministic.", async () => {
    const again = await reward.evaluate(sample, latent, conditioning);
    return arrayDistance(again.rewards, result.rewards) === 0 && arrayDistance(again.valids, result.valids) === 0;
  });
  await list.check(
    "evaluate must judge every sample alone: a slice of the rewards must be the rewards of the slice.",
    async () => {
      const part = await reward.evaluate(sample.slice(1, 3), latent.slice(1, 3), sliceConditioning(conditioning, 1, 3));
      return arrayDistance(part.rewards, result.rewards.slice(1, 3)) <= tolerance;
    },
  );
  await list.check("evaluate must take a batch of one.", async () => {
    const one = await reward.evaluate(sample.at(0), latent.at(0), sliceConditioning(conditioning, 0, 1));
    return one.rewards.length === 1 && one.valids.length === 1;
  });
  if (isDifferentiable(reward)) {
    const { rewards, valids, gradient } = await list.need("gradient must judge the samples it is given.", () =>
      reward.gradient(sample, latent, conditioning),
    );
    await list.check(
      "gradient must return the rewards that evaluate returns.",
      () => arrayDistance(rewards, result.rewards) <= tolerance && arrayDistance(valids, result.valids) === 0,
    );
    await list.check("gradient must agree with central differences of evaluate in a random direction.", async () => {
      const direction = sample.randnLike(RandomKey.fromSeed(5).streams());
      const up = await reward.evaluate(sample.linearCombination(1, [[step, direction]]), latent, conditioning);
      const down = await reward.evaluate(sample.linearCombination(1, [[-step, direction]]), latent, conditioning);
      const slope = gradient.mul(direction).aggregate("sum");
      return slope.every((value, i) => {
        const numeric = (up.rewards[i]! - down.rewards[i]!) / (2 * step);
        return valids[i] === 0 || Math.abs(value - numeric) <= gradientTolerance * Math.max(1, Math.abs(value));
      });
    });
  }
  return list.finish();
}
