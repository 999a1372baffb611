import { type AnyData, constructEnv, isErrorNamed } from "@diffusiongym/core";
import {
  type CatalogueEntry,
  methodCatalogue,
  run,
  type TrainablePolicy,
  type TrainableValue,
} from "@diffusiongym/methods";
import type { Network } from "@diffusiongym/nn";
import type { AnyEnvironment } from "../exact/index.js";
import { countingReward } from "./counting-reward.js";
import { buildProblem } from "./exact-facts.js";
import type { Cost, Job, JobResult, Outcome } from "./job.js";
import { costOfSteering, cpuSeconds, drawAndMeasure, measureLaws, type Prepared } from "./measure.js";

/** The shape and the seed of a network. */
export interface NetworkRequest {
  /** Id of the base model, whose modality may have networks of its own. */
  readonly modelId: string;
  readonly width: number;
  readonly depth: number;
  readonly seed: number;
}

/** How the networks of a run are made: by the command, which knows every kind of data. */
export interface NetworkBuilders {
  /** A policy that starts at the base model, and the network that it trains. */
  policy(
    environment: AnyEnvironment,
    request: NetworkRequest & { readonly residualScale: "one" | "one-minus-t" },
  ): Promise<{ readonly policy: TrainablePolicy<AnyData, object>; readonly network: Network }>;
  /** A value network that starts at 0; another one for every name. */
  value(
    environment: AnyEnvironment,
    request: NetworkRequest & { readonly name: string },
  ): Promise<TrainableValue<AnyData, object> & { readonly network: Network }>;
}

/** Does a job in this process. */
export async function doJob(job: Job, builders: NetworkBuilders, signal?: AbortSignal): Promise<JobResult> {
  const prepare = (iterations: number): Promise<Prepared> => prepareRun(job, builders, iterations);
  return job.kind === "calibrate"
    ? calibrate(prepare, signal)
    : { kind: "run", outcome: await runOnce(job, prepare, signal) };
}

type Prepare = (iterations: number) => Promise<Prepared>;

/** Makes the method on an environment whose reward is counted. */
async function prepareRun(job: Job, builders: NetworkBuilders, iterations: number): Promise<Prepared> {
  const { problem, settings, seed, width, depth } = job;
  const environment = await buildProblem(problem, settings.steps);
  const counting = countingReward(environment.reward);
  const { rewardScale, timesteps, noiseSchedule, baseModel } = environment;
  const counted = constructEnv(baseModel, counting.reward, {
    timeGrid: Array.from(timesteps),
    noiseSchedule,
    rewardScale,
  });
  const entry = methodCatalogue.find(({ name }) => name === job.method)!;
  const modelId = problem.model.id;
  const networks: Network[] = [];
  const made = await entry.make<AnyData, object>(
    {
      environment: counted,
      seed,
      async policy() {
        const residualScale = settings.residualScale ?? "one";
        const built = await builders.policy(counted, { modelId, width, depth, seed, residualScale });
        networks.push(built.network);
        return built.policy;
      },
      async value(name) {
        const value = await builders.value(counted, { modelId, width, depth, seed, name });
        networks.push(value.network);
        return value;
      },
    },
    knobsFor(entry, settings.knobs, iterations),
  );
  return { ...made, environment: counted, counting, networks };
}

function knobsFor(entry: CatalogueEntry, knobs: Job["settings"]["knobs"], iterations: number): typeof knobs {
  return entry.trains === "nothing" ? knobs : { ...knobs, iterations };
}

/** Trains to the end, or until a rule stops it: then what it has reached counts. */
async function trainToEnd({ method }: Prepared, signal: AbortSignal | undefined): Promise<string | undefined> {
  if (method === undefined) {
    return undefined;
  }
  try {
    for await (const _ of run(method, signal ? { signal } : {})) {
      // Reports are not shown: a comparison runs many methods.
    }
  } catch (error) {
    if (isErrorNamed(error, "TrainingAbortedError")) {
      return (error as Error).message;
    }
    throw error;
  }
  return undefined;
}

async function disposeOf({ networks }: Prepared): Promise<void> {
  for (const network of networks) {
    await network.dispose();
  }
}

/** Iterations of the two runs from whose difference the cost of one is known; more where that takes no time. */
const fewIterations = 8;
const moreIterations = [32, 128];
const leastDifferenceSeconds = 0.15;

/** Measures setup and iterations of training, after one run that warms everything up. */
async function calibrate(prepare: Prepare, signal: AbortSignal | undefined): Promise<JobResult> {
  const once = async (iterations: number): Promise<{ seconds: number; calls: number; iterations: number }> => {
    const prepared = await prepare(iterations);
    const started = cpuSeconds();
    await trainToEnd(prepared, signal);
    const seconds = cpuSeconds() - started;
    await disposeOf(prepared);
    return { seconds, calls: prepared.counting.calls(), iterations: prepared.method?.iteration ?? 0 };
  };
  try {
    const cold = await once(fewIterations);
    const few = await once(fewIterations);
    let more = few;
    for (const iterations of moreIterations) {
      if (more.seconds - few.seconds < leastDifferenceSeconds) {
        more = await once(iterations);
      }
    }
    const span = Math.max(1, more.iterations - few.iterations);
    const iterationSeconds = Math.max(1e-4, (more.seconds - few.seconds) / span);
    const iterationCalls = (more.calls - few.calls) / span;
    const cost: Cost = {
      setupSeconds: Math.max(0, cold.seconds - fewIterations * iterationSeconds),
      iterationSeconds,
      setupCalls: few.calls - few.iterations * iterationCalls,
      iterationCalls,
    };
    return { kind: "calibrate", cost };
  } catch (error) {
    if (isErrorNamed(error, "RequirementError") || isErrorNamed(error, "ArgumentError")) {
      return { kind: "calibrate", refused: (error as Error).message };
    }
    throw error;
  }
}

/** Trains, then evaluates; what fails is told as an outcome. */
async function runOnce(job: Job, prepare: Prepare, signal: AbortSignal | undefined): Promise<Outcome> {
  const nothing = { iterations: 0, seconds: 0, wallSeconds: 0, rewardCalls: 0, peakMemoryMb: 0 };
  let spent: Omit<Outcome, "status"> = nothing;
  try {
    const prepared = await prepare(job.iterations);
    const started = { cpu: cpuSeconds(), wall: performance.now() };
    const stopped = await trainToEnd(prepared, signal);
    spent = {
      iterations: prepared.method?.iteration ?? 0,
      seconds: cpuSeconds() - started.cpu,
      wallSeconds: (performance.now() - started.wall) / 1000,
      rewardCalls: prepared.counting.calls(),
      peakMemoryMb: process.resourceUsage().maxRSS / 1024,
    };
    if (prepared.adapted.kind === "control" && prepared.method === undefined) {
      spent = await costOfSteering(job, prepared, prepared.adapted.controlPolicy);
    }
    const measured =
      prepared.adapted.kind === "sampler"
        ? await drawAndMeasure(job, prepared, signal)
        : await measureLaws(job, prepared, signal);
    await disposeOf(prepared);
    return { status: "done", ...(stopped && { message: stopped }), ...spent, ...measured };
  } catch (error) {
    if (!(error instanceof Error) || isErrorNamed(error, "AbortError")) {
      throw error;
    }
    const refused = isErrorNamed(error, "RequirementError") || isErrorNamed(error, "IncompatibleError");
    return { status: refused ? "refused" : "failed", message: error.message, ...spent };
  }
}
