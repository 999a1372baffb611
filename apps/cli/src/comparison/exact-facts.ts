import { type DDTensor, type Environment, make, type NoConditioning, RandomKey } from "@diffusiongym/core";
import type { Numbers } from "@diffusiongym/toy";
import type { AnyEnvironment } from "../exact/index.js";
import { importModality, importPackage, modalityOf } from "../parts/index.js";
import type { ExactFacts, FrontierPoint, OdeMeasures } from "./job.js";
import type { ComparisonProblem } from "./problem.js";

/** Points of the frontier. */
const frontierSteps = 60;
/** The frontier is drawn up to this multiple of lambda, where the tilt exists. */
const frontierReach = 3;

/** The environment of a problem. */
export async function buildProblem(
  { model, reward, rewardScale, imports = [] }: ComparisonProblem,
  steps: number,
  folder = process.cwd(),
): Promise<AnyEnvironment> {
  for (const name of imports) {
    await importPackage(name, folder);
  }
  await importModality(modalityOf(model.id));
  await importModality(modalityOf(reward.id));
  return make({ baseModel: model, reward, rewardScale, steps });
}

/** The exact answer to a problem; undefined where none is known. */
export async function exactFacts(problem: ComparisonProblem, folder?: string): Promise<ExactFacts | undefined> {
  const environment = await buildProblem(problem, 8, folder);
  const toy = await import("@diffusiongym/toy");
  const { baseModel, reward, rewardScale } = environment;
  if (!(baseModel instanceof toy.GaussianMixtureModel) || !(reward instanceof toy.ToyReward)) {
    return undefined;
  }
  const { mixture } = baseModel;
  const tiltAt = (scale: number) => new toy.ExactTilt({ mixture, reward, rewardScale: scale });
  const tilt = tiltAt(rewardScale);
  const frontier: FrontierPoint[] = [];
  for (let k = 0; k <= frontierSteps; k++) {
    const scale = (frontierReach * rewardScale * k) / frontierSteps;
    try {
      const { expectedReward, klTiltedBase } = tiltAt(scale);
      frontier.push({ rewardScale: scale, reward: expectedReward, kl: Math.max(0, klTiltedBase) });
    } catch {
      break; // beyond this strength E[exp(lambda r)] is infinite
    }
  }
  // Var*[r] is the slope of E[r] in lambda.
  const h = Math.abs(rewardScale) * 1e-3;
  const slope = (tiltAt(rewardScale + h).expectedReward - tiltAt(rewardScale - h).expectedReward) / (2 * h);
  return {
    dimension: mixture.dimension,
    reward: tilt.expectedReward,
    baseReward: tilt.baseExpectedReward,
    rewardDeviation: Math.sqrt(Math.max(slope, 1e-12)),
    kl: tilt.klTiltedBase,
    logNormalizer: tilt.logNormalizer,
    baseEss: tilt.effectiveSampleFraction,
    centres: Array.from(tilt.centres),
    masses: Array.from(toy.referenceModeWeights(tilt)),
    frontier,
  };
}

/** Total variation of points by nearest centres against the exact masses. */
export async function totalVariationOf(points: Numbers, exact: ExactFacts): Promise<number> {
  const toy = await import("@diffusiongym/toy");
  const { centres, masses, dimension } = exact;
  return toy.totalVariation(toy.modeWeights(points, centres, dimension), masses);
}

/** Base log-densities below this say nothing about the tilt (METHODS 4.2). */
const leastBaseLogDensity = -12;

/** Densities of the adapted flow against the base model and the tilt: achieved lambda, R^2 and both KL divergences. */
export async function flowMeasures(
  environment: AnyEnvironment,
  exact: ExactFacts,
  { count, seed }: { readonly count: number; readonly seed: number },
): Promise<Pick<OdeMeasures, "achievedScale" | "rSquared" | "klToTilt" | "klToBase">> {
  const toy = await import("@diffusiongym/toy");
  const { mixture } = environment.baseModel as unknown as InstanceType<typeof toy.GaussianMixtureModel>;
  const form = (environment.reward as unknown as InstanceType<typeof toy.ToyReward>).form(mixture.dimension);
  const field = toy.environmentField(
    environment as unknown as Environment<DDTensor, NoConditioning>,
    mixture.dimension,
  );
  const { points, logDensities } = await toy.odeSamples(field, {
    streams: RandomKey.fromSeed(seed).fold("flow").streams(),
    count,
    steps: 40,
  });
  const base = mixture.logDensity(points);
  const pairs: [reward: number, ratio: number][] = [];
  let [klToBase, klToTilt] = [0, 0];
  logDensities.forEach((logDensity, i) => {
    const reward = form.value(points, i * mixture.dimension);
    const ratio = logDensity - base[i]!;
    klToBase += ratio / count;
    klToTilt += (ratio - environment.rewardScale * reward + exact.logNormalizer) / count;
    if (base[i]! >= leastBaseLogDensity * Math.max(1, mixture.dimension / 2)) {
      pairs.push([reward, ratio]);
    }
  });
  return { ...regression(pairs), klToBase, klToTilt };
}

function regression(pairs: readonly [number, number][]): { achievedScale?: number; rSquared?: number } {
  const n = pairs.length;
  const mean = (pick: (pair: readonly [number, number]) => number) =>
    pairs.reduce((sum, pair) => sum + pick(pair), 0) / n;
  const [meanX, meanY] = [mean(([x]) => x), mean(([, y]) => y)];
  const xx = mean(([x]) => (x - meanX) ** 2);
  const yy = mean(([, y]) => (y - meanY) ** 2);
  const xy = mean(([x, y]) => (x - meanX) * (y - meanY));
  return n < 2 || xx < 1e-12 || yy < 1e-12 ? {} : { achievedScale: xy / xx, rSquared: (xy * xy) / (xx * yy) };
}
