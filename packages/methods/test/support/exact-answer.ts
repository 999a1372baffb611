import { type DDTensor, type NoConditioning, RandomKey } from "@diffusiongym/core";
import type { ExactAnswer } from "@diffusiongym/methods";
import { achievedRewardScale, type ExactTilt, environmentField, tiltReport } from "@diffusiongym/toy";

/** What a tilt says about samples and flows: total variation by exact cell masses, achieved lambda, R^2, KL to the tilt. */
export function exactAnswer(tilt: ExactTilt, count = 1000): ExactAnswer<DDTensor, NoConditioning> {
  const { dimension } = tilt.mixture;
  return {
    law: (latent) => ({ total_variation: tiltReport(latent.data, tilt).totalVariation }),
    async flow(adapted) {
      const streams = RandomKey.fromSeed(9).streams();
      const field = environmentField(adapted, dimension);
      const { rewardScale, rSquared, klToTilted } = await achievedRewardScale(field, tilt, { streams, count });
      return { achieved_lambda: rewardScale, r_squared: rSquared, kl_to_tilt: klToTilted };
    },
  };
}
