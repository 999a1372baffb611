import { type AnyData, type ControlPolicy, ValuePolicy } from "@diffusiongym/core";
import { evaluate, type MadeMethod } from "@diffusiongym/methods";
import type { Network } from "@diffusiongym/nn";
import { evaluationSeed } from "../evaluation/index.js";
import type { AnyEnvironment } from "../exact/index.js";
import type { CountingReward } from "./counting-reward.js";
import { buildProblem, flowMeasures, totalVariationOf } from "./exact-facts.js";
import type { Job, LawMeasures, OdeMeasures, Outcome, SdeMeasures } from "./job.js";

/** A method with what belongs to its run. */
export interface Prepared extends MadeMethod<AnyData, object> {
  readonly environment: AnyEnvironment;
  readonly counting: CountingReward;
  readonly networks: readonly Network[];
}

/** CPU seconds of this process, all threads. */
export function cpuSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

/** What the samples of a control cost that nothing was trained for. */
export async function costOfSteering(
  { count, seed }: Job,
  { environment, counting }: Prepared,
  controlPolicy: ControlPolicy<AnyData, object>,
): Promise<Omit<Outcome, "status">> {
  const started = { cpu: cpuSeconds(), wall: performance.now() };
  await environment.withPolicies({ controlPolicy }).sample(count, { seed: evaluationSeed(seed) });
  return {
    iterations: 0,
    seconds: cpuSeconds() - started.cpu,
    wallSeconds: (performance.now() - started.wall) / 1000,
    rewardCalls: counting.calls(),
    peakMemoryMb: process.resourceUsage().maxRSS / 1024,
  };
}

/** Heun steps of the ODE whose samples are counted. */
const odeSteps = 24;
const batchSize = 4096;

/** The SDE on the grid of training and the ODE, on an environment whose reward is not counted. */
export async function measureLaws(
  job: Job,
  prepared: Prepared,
  signal: AbortSignal | undefined,
): Promise<{ sde?: SdeMeasures; ode?: OdeMeasures }> {
  const { count, exact, seed, densityCount } = job;
  const { adapted } = prepared;
  const environment = await buildProblem(job.problem, job.settings.steps);
  const sampler =
    adapted.kind === "policy"
      ? { policy: adapted.policy }
      : { controlPolicy: (adapted as Extract<typeof adapted, { kind: "control" }>).controlPolicy };
  const { samplers } = await evaluate<AnyData, object>(environment, {
    samplers: { adapted: sampler },
    n: count,
    seed: evaluationSeed(seed),
    ode: { steps: odeSteps },
    diversity: () => 0,
    batchSize,
    ...(exact && {
      exact: { law: async (latent) => ({ total_variation: await totalVariationOf(pointsOf(latent), exact) }) },
    }),
    ...(signal && { signal }),
  });
  const { sde, ode } = samplers.adapted!;
  // A control that looks ahead needs a step; along the flow the value's gradient is taken where the state is.
  const { value } = prepared;
  const flow =
    value === undefined
      ? sampler
      : { controlPolicy: new ValuePolicy({ value, scheduler: environment.scheduler, lookAhead: false }) };
  const densities =
    exact === undefined || densityCount === 0
      ? {}
      : await flowMeasures(environment.withPolicies(flow), exact, { count: densityCount, seed: evaluationSeed(seed) });
  return {
    ...(sde && {
      sde: { ...lawOf(sde), klPath: sde.klPath.mean, ...(sde.pathEss !== undefined && { pathEss: sde.pathEss }) },
    }),
    ...(ode && { ode: { ...lawOf(ode), ...densities } }),
  };
}

/** A sampler's cost is that of its samples. */
export async function drawAndMeasure(
  job: Job,
  prepared: Prepared,
  signal: AbortSignal | undefined,
): Promise<Partial<Outcome>> {
  const { adapted, environment, counting } = prepared;
  const { sampler } = adapted as Extract<typeof adapted, { kind: "sampler" }>;
  const started = { cpu: cpuSeconds(), wall: performance.now() };
  let spent: Partial<Outcome> = {};
  const { samplers } = await evaluate<AnyData, object>(environment, {
    samplers: {
      drawn: {
        async draw(request) {
          const endpoints = await sampler.draw(request);
          spent = {
            seconds: cpuSeconds() - started.cpu,
            wallSeconds: (performance.now() - started.wall) / 1000,
            rewardCalls: counting.calls(),
            peakMemoryMb: process.resourceUsage().maxRSS / 1024,
          };
          return endpoints;
        },
      },
    },
    n: job.count,
    seed: evaluationSeed(job.seed),
    diversity: () => 0,
    ...(job.exact && {
      exact: {
        law: async (latent) => ({ total_variation: await totalVariationOf(pointsOf(latent), job.exact!) }),
      },
    }),
    ...(signal && { signal }),
  });
  return { ...spent, samples: lawOf(samplers.drawn!.custom!) };
}

/** Coordinates of points: an exact answer is known of these only. */
function pointsOf(latent: AnyData): Float32Array {
  return latent.tensors()[0]!.data as Float32Array;
}

function lawOf(law: {
  readonly reward: { readonly mean: number; readonly standardError: number };
  readonly validFraction: number;
  readonly exact: { readonly [name: string]: number };
}): LawMeasures {
  const { total_variation: totalVariation } = law.exact;
  return {
    reward: law.reward.mean,
    rewardError: law.reward.standardError,
    validFraction: law.validFraction,
    ...(totalVariation !== undefined && { totalVariation }),
  };
}
