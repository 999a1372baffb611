const logSqrtTwoPi = 0.5 * Math.log(2 * Math.PI);

/** From here on the continued fraction of the Mills ratio is used; below it the Taylor series. */
const seriesLimit = 2.3;

/** log of the standard normal density. */
export function logNormalDensity(x: number): number {
  return -0.5 * x * x - logSqrtTwoPi;
}

/**
 * log of the standard normal cumulative distribution function, with full relative accuracy in both tails: log Phi(-40)
 * is -804.6..., and 1 - Phi(x) is `logNormalCdf(-x)`.
 */
export function logNormalCdf(x: number): number {
  return x > 0 ? Math.log1p(-Math.exp(logUpperTail(x))) : logUpperTail(-x);
}

/** Standard normal cumulative distribution function. */
export function normalCdf(x: number): number {
  return x > 0 ? 1 - Math.exp(logUpperTail(x)) : Math.exp(logUpperTail(-x));
}

/**
 * log(Phi(upper) - Phi(lower)), the difference being taken on the side of the smaller tail, where it does not cancel.
 * @returns -Infinity when upper <= lower
 */
export function logNormalInterval(lower: number, upper: number): number {
  if (!(upper > lower)) {
    return Number.NEGATIVE_INFINITY;
  }
  if (lower < 0 && upper > 0) {
    const narrow = Math.max(-lower, upper) < 0.5;
    return narrow
      ? Math.log(centralMass(upper) + centralMass(-lower))
      : Math.log1p(-(Math.exp(logUpperTail(-lower)) + Math.exp(logUpperTail(upper))));
  }
  const near = lower >= 0 ? lower : -upper;
  const far = lower >= 0 ? upper : -lower;
  if (far < 0.5) {
    return Math.log(centralMass(far) - centralMass(near));
  }
  const logNear = logUpperTail(near);
  return logNear + Math.log(-Math.expm1(logUpperTail(far) - logNear));
}

/** log(1 - Phi(x)) for x >= 0. */
function logUpperTail(x: number): number {
  if (x === Number.POSITIVE_INFINITY) {
    return Number.NEGATIVE_INFINITY;
  }
  return x < seriesLimit ? Math.log(0.5 - centralMass(x)) : logNormalDensity(x) + Math.log(millsRatio(x));
}

/** Phi(x) - 1/2 for x >= 0 by phi(x) (x + x^3/3 + x^5/15 + ...), a series of positive terms. */
function centralMass(x: number): number {
  let term = x;
  let sum = x;
  for (let odd = 3; term > sum * 1e-17; odd += 2) {
    term *= (x * x) / odd;
    sum += term;
  }
  return Math.exp(logNormalDensity(x)) * sum;
}

/** (1 - Phi(x)) / phi(x) for x > 2 by Laplace's continued fraction 1/(x + 1/(x + 2/(x + 3/...))), from the inside out. */
function millsRatio(x: number): number {
  let fraction = x;
  for (let n = Math.ceil(12 + 500 / (x * x)); n > 0; n--) {
    fraction = x + n / fraction;
  }
  return 1 / fraction;
}
