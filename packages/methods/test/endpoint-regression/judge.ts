import type { DDTensor, NoConditioning } from "@diffusiongym/core";
import { RandomKey } from "@diffusiongym/core";
import {
  drawEndpoints,
  effectiveSampleSize,
  type Method,
  type Metrics,
  progressLine,
  rollOut,
  type TrainablePolicy,
  train,
} from "@diffusiongym/methods";
import { achievedRewardScale, environmentField, tiltReport } from "@diffusiongym/toy";
import type { Problem } from "../support/problems.js";

/** What METHODS 6.5 reports of a policy. */
export interface Judgement {
  /** The memoryless SDE on the environment's grid. */
  readonly sde: { readonly reward: number; readonly totalVariation: number };
  /** Heun, 50 steps from t = 0. */
  readonly ode: { readonly reward: number; readonly totalVariation: number };
  /** Slope of the flow's log density ratio on the reward, and KL to the tilt. */
  readonly achievedScale: number;
  readonly klToTilted: number;
  /** Effective share of the weights lambda r - L over rollouts. */
  readonly pathEss: number;
}

/** Judges a policy as METHODS 4.4 says, with n = 50 000 by default. */
export async function judgePolicy(
  { environment, tilt }: Problem,
  policy: TrainablePolicy<DDTensor, NoConditioning>,
  { n = 50_000, densities = true } = {},
): Promise<Judgement> {
  const adapted = environment.withPolicies({ policy });
  const sde = tiltReport((await adapted.sample(n, { seed: 101 })).latent.data, tilt);
  const flow = await drawEndpoints({ environment, policy, n, seed: 102, steps: 50, batchSize: 8192 });
  const ode = tiltReport(flow.latent.data, tilt);
  const { rewards, logRatio } = await rollOut({ environment, policy, n: 8192, seed: 103 });
  const logWeights = Float64Array.from(rewards, (reward, i) => environment.rewardScale * reward - logRatio[i]!);
  const streams = RandomKey.fromSeed(104).streams();
  const achieved = densities
    ? await achievedRewardScale(environmentField(adapted, tilt.mixture.dimension), tilt, { streams })
    : { rewardScale: Number.NaN, klToTilted: Number.NaN };
  const judgement = {
    sde: { reward: sde.reward.mean, totalVariation: sde.totalVariation },
    ode: { reward: ode.reward.mean, totalVariation: ode.totalVariation },
    achievedScale: achieved.rewardScale,
    klToTilted: achieved.klToTilted,
    pathEss: effectiveSampleSize(logWeights) / rewards.length,
  };
  console.log(JSON.stringify(judgement, (_, value) => (typeof value === "number" ? Number(value.toFixed(4)) : value)));
  return judgement;
}

/** Trains with a line every few hundred iterations, and says how long it took. */
export async function trainAloud(method: Method, every = 500): Promise<Metrics> {
  const started = performance.now();
  const last = await train(method, {
    onReport: (report) => report.iteration % every === 0 && console.log(progressLine(report)),
  });
  console.log(`${method.name}: ${((performance.now() - started) / 1000).toFixed(1)} s`);
  return last!.metrics;
}
