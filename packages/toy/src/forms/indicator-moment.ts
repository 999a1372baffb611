/** Log-probabilities of an event and of its complement, both accurate when tiny. */
export interface EventProbability {
  readonly logInside: number;
  readonly logOutside: number;
}

/**
 * log E[exp(lambda 1_event)] = log(P e^lambda + 1 - P), accurate for tiny and for nearly certain events and for any
 * lambda.
 */
export function indicatorLogMoment(rewardScale: number, { logInside, logOutside }: EventProbability): number {
  if (Math.abs(rewardScale) > 30) {
    const [a, b] = [rewardScale + logInside, logOutside];
    return Math.max(a, b) + Math.log1p(Math.exp(-Math.abs(a - b)));
  }
  return logInside < logOutside
    ? Math.log1p(Math.expm1(rewardScale) * Math.exp(logInside))
    : rewardScale + Math.log1p(Math.expm1(-rewardScale) * Math.exp(logOutside));
}

/** (e^lambda - 1) e^(log density - L): the factor of an indicator's moment gradient, without overflow. */
export function indicatorSlope(rewardScale: number, logDensity: number, logMoment: number): number {
  return rewardScale > 0
    ? -Math.expm1(-rewardScale) * Math.exp(rewardScale + logDensity - logMoment)
    : Math.expm1(rewardScale) * Math.exp(logDensity - logMoment);
}
