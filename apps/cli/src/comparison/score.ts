import type { ExactFacts, Outcome } from "./job.js";

/**
 * What tuning minimises: total variation plus the error of the mean reward in standard deviations, of the better of SDE and ODE. Where
 * no exact answer is known, 1 - path ESS (METHODS 6.6: the best single number that needs no densities), or minus the reward where
 * there are no paths.
 */
export function scoreOf({ status, sde, ode, samples }: Outcome, exact: ExactFacts | undefined): number {
  if (status !== "done") {
    return Number.POSITIVE_INFINITY;
  }
  if (exact === undefined) {
    return sde?.pathEss === undefined ? -(sde ?? samples)!.reward : 1 - sde.pathEss;
  }
  const laws = [sde, ode, samples].filter((law) => law !== undefined);
  const scores = laws.map(
    ({ totalVariation = 0, reward }) => totalVariation + Math.abs(reward - exact.reward) / exact.rewardDeviation,
  );
  const finite = scores.filter(Number.isFinite);
  return finite.length === 0 ? Number.POSITIVE_INFINITY : Math.min(...finite);
}
