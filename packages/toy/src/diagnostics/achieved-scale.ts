import type { ExactTilt } from "../tilt/index.js";
import { type OdeOptions, odeSamples } from "./ode-density.js";
import type { VelocityField } from "./velocity-field.js";

/** How far an adapted model's flow has been tilted. */
export interface AchievedScale {
  /** Slope of log p_theta / p_base on r over the model's own samples: the reward scale that was achieved. */
  readonly rewardScale: number;
  /** Intercept of that line; -log Z at the optimum. */
  readonly intercept: number;
  /** Share of the log-ratio's variance that the reward explains; 1 for an exact tilt. */
  readonly rSquared: number;
  /** KL(p_theta || p*), in nats. */
  readonly klToTilted: number;
  /** Samples that entered the regression. */
  readonly count: number;
}

/** Below this base log-density a sample says nothing about the tilt (METHODS 4.2). */
const leastBaseLogDensity = -12;

/**
 * Regresses log p_theta(x) - log p_base(x) on r(x) over x ~ p_theta, with densities from the flow of the adapted velocity
 * (METHODS 4.2, 4.4). This judges the ODE; the law of the SDE is judged by samples.
 */
export async function achievedRewardScale(
  field: VelocityField,
  tilt: ExactTilt,
  options: OdeOptions,
): Promise<AchievedScale> {
  const { points, logDensities } = await odeSamples(field, options);
  const base = tilt.mixture.logDensity(points);
  const d = tilt.mixture.dimension;
  const pairs: [number, number][] = [];
  let klToTilted = 0;
  logDensities.forEach((logDensity, i) => {
    const reward = tilt.form.value(points, i * d);
    const ratio = logDensity - base[i]!;
    klToTilted += (ratio - tilt.rewardScale * reward + tilt.logNormalizer) / logDensities.length;
    if (base[i]! >= leastBaseLogDensity) {
      pairs.push([reward, ratio]);
    }
  });
  return { ...regress(pairs), klToTilted, count: pairs.length };
}

function regress(pairs: readonly [number, number][]): Pick<AchievedScale, "rewardScale" | "intercept" | "rSquared"> {
  const n = pairs.length;
  const meanX = pairs.reduce((sum, [x]) => sum + x, 0) / n;
  const meanY = pairs.reduce((sum, [, y]) => sum + y, 0) / n;
  let [xx, xy, yy] = [0, 0, 0];
  for (const [x, y] of pairs) {
    xx += (x - meanX) ** 2;
    xy += (x - meanX) * (y - meanY);
    yy += (y - meanY) ** 2;
  }
  const slope = xx === 0 ? 0 : xy / xx;
  return { rewardScale: slope, intercept: meanY - slope * meanX, rSquared: xx * yy === 0 ? 0 : xy ** 2 / (xx * yy) };
}
