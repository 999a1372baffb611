import { join } from "node:path";
import { isErrorNamed, throwIfAborted } from "@diffusiongym/core";
import { type CatalogueEntry, canonicalJson, type Json } from "@diffusiongym/methods";
import { spend } from "./budget.js";
import { exactFacts } from "./exact-facts.js";
import type { Budget, Cost, ExactFacts, Job, JobResult, Outcome, Settings } from "./job.js";
import { Journal } from "./journal.js";
import { settingsToTry } from "./ladder.js";
import type { ComparisonProblem } from "./problem.js";
import type { Runner } from "./runner.js";
import { scoreOf } from "./score.js";
import { Turns } from "./turns.js";

/** What is compared, and how. */
export interface CampaignOptions {
  readonly problems: readonly ComparisonProblem[];
  readonly methods: readonly CatalogueEntry[];
  /** Runs with seeds 1, 2, ...; seed 0 is that of tuning. */
  readonly seeds: number;
  /** The first is the one that methods are tuned with. */
  readonly budgets: readonly Budget[];
  /** Samples of each law in an evaluation. */
  readonly count: number;
  /** Hidden layers and their width. */
  readonly network: { readonly width: number; readonly depth: number };
  /** Settings that are not to be tuned, by problem and method. */
  readonly chosen?: ChosenSettings;
  /** Folder of the journal, from which an interrupted comparison goes on. */
  readonly folder: string;
  readonly runner: Runner;
  /** Runs at once. CPU seconds are those of each process, but more than one disturb each other's caches. @default 1 */
  readonly parallel?: number;
  /** Run nothing, and leave out what the journal does not have. @default false */
  readonly onlyFinished?: boolean;
  readonly signal: AbortSignal;
  /** Called after every run, and where the settings of a method are found. */
  readonly onProgress?: (progress: CampaignProgress) => void;
}

/** Where a comparison is. */
export interface CampaignProgress {
  readonly done: number;
  readonly total: number;
  readonly what: string;
}

/** A method's settings on a problem. */
export interface Choice {
  readonly settings: Settings;
  /** Score of every settings that were tried, the chosen one's the lowest; absent where they were given. */
  readonly tried?: readonly { readonly settings: Settings; readonly score: number }[];
}

/** Settings by problem and method. */
export type ChosenSettings = { readonly [problem: string]: { readonly [method: string]: Choice } };

/** One run of a comparison. */
export interface ComparisonRun {
  readonly problem: string;
  readonly method: string;
  readonly budget: Budget;
  readonly seed: number;
  /** Those that were chosen, their pools scaled to the budget. */
  readonly settings: Settings;
  readonly outcome: Outcome;
}

/** Everything that a comparison found. */
export interface Comparison {
  readonly problems: readonly ComparisonProblem[];
  readonly methods: readonly string[];
  readonly budgets: readonly Budget[];
  readonly seeds: number;
  readonly count: number;
  readonly network: { readonly width: number; readonly depth: number };
  readonly facts: { readonly [problem: string]: ExactFacts | undefined };
  readonly chosen: ChosenSettings;
  readonly runs: readonly ComparisonRun[];
}

/** Seed of the runs that choose settings. */
const tuningSeed = 0;
/** Samples in the evaluations that choose settings. */
const tuningCount = 2000;
/** Points at which densities are followed; their cost grows with the square of the dimension. */
const densityWork = 400;

/** Runs everything that the journal does not have yet: costs first, then tuning, then the seeds. */
export async function runCampaign(options: CampaignOptions): Promise<Comparison> {
  return new Campaign(options).run();
}

class Campaign {
  private readonly journal: Journal<JobResult>;
  private readonly facts: { [problem: string]: ExactFacts | undefined } = {};
  private readonly chosen: { [problem: string]: { [method: string]: Choice } } = {};
  private readonly underWay = new Map<string, Promise<JobResult>>();
  private readonly turns: Turns;
  /** Stops the other jobs when one fails. */
  private readonly stop = new AbortController();
  private readonly signal: AbortSignal;
  private done = 0;

  constructor(private readonly options: CampaignOptions) {
    this.journal = new Journal(join(options.folder, "runs.jsonl"));
    this.turns = new Turns(options.parallel ?? 1);
    this.signal = AbortSignal.any([options.signal, this.stop.signal]);
  }

  async run(): Promise<Comparison> {
    const { problems, methods, budgets, seeds, count, network, folder } = this.options;
    for (const problem of problems) {
      this.facts[problem.name] = await exactFacts(problem, folder);
    }
    const pairs = problems.flatMap((problem) => methods.map((entry) => ({ problem, entry })));
    await this.all(pairs, async ({ problem, entry }) => {
      const choice = await this.choose(problem, entry);
      this.chosen[problem.name] = { ...this.chosen[problem.name], [entry.name]: choice };
    });
    const all = Array.from({ length: seeds }, (_, k) => k + 1).flatMap((seed) =>
      budgets.flatMap((budget) => pairs.map((pair) => ({ ...pair, budget, seed }))),
    );
    const runs = (await this.all(all, (what) => this.record(what))).filter((run) => run !== undefined);
    const reported = new Set(runs.map(({ problem }) => problem));
    return {
      problems: problems.filter(({ name }) => reported.has(name)),
      methods: methods.map(({ name }) => name),
      budgets,
      seeds,
      count,
      network,
      facts: this.facts,
      chosen: this.chosen,
      runs,
    };
  }

  /** Does something for each, as many at once as there are turns; the first failure stops all. */
  private async all<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<R[]> {
    const guarded = async (item: T): Promise<R> => {
      try {
        return await work(item);
      } catch (error) {
        this.stop.abort(error);
        throw error;
      }
    };
    const settled = await Promise.allSettled(items.map(guarded));
    throwIfAborted(this.options.signal, "The comparison");
    const failed = settled.find((each) => each.status === "rejected" && !isErrorNamed(each.reason, "AbortError"));
    if (failed !== undefined) {
      throw (failed as PromiseRejectedResult).reason;
    }
    return settled.map((each) => (each as PromiseFulfilledResult<R>).value);
  }

  private get total(): number {
    const { problems, methods, budgets, seeds } = this.options;
    return problems.length * methods.length * (budgets.length * seeds + 1);
  }

  /** The given settings, or those of the lowest score with the tuning seed. */
  private async choose(problem: ComparisonProblem, entry: CatalogueEntry): Promise<Choice> {
    const given = this.options.chosen?.[problem.name]?.[entry.name];
    if (given !== undefined) {
      this.finish(`settings of ${entry.name} on ${problem.name}`);
      return given;
    }
    const candidates = settingsToTry(entry, this.facts[problem.name]);
    const tried: { settings: Settings; score: number }[] = [];
    if (candidates.length > 1) {
      const budget = this.options.budgets[0]!;
      for (const settings of candidates) {
        const ran = await this.runOf({ problem, entry, budget, settings, seed: tuningSeed });
        if (ran !== undefined) {
          tried.push({ settings, score: scoreOf(ran.outcome, this.facts[problem.name]) });
        }
        if (ran?.outcome.status === "refused") {
          break;
        }
      }
    }
    this.finish(`tuned ${entry.name} on ${problem.name}`);
    const best = tried.reduce<(typeof tried)[number] | undefined>(
      (least, each) => (least === undefined || each.score < least.score ? each : least),
      undefined,
    );
    return { settings: best?.settings ?? candidates[0]!, ...(tried.length > 0 && { tried }) };
  }

  private async record(what: Omit<RunRequest, "settings">): Promise<ComparisonRun | undefined> {
    const { problem, entry, budget, seed } = what;
    const { settings } = this.chosen[problem.name]![entry.name]!;
    const ran = await this.runOf({ ...what, settings });
    this.finish(`${entry.name} on ${problem.name}, seed ${seed}`);
    return ran && { problem: problem.name, method: entry.name, budget, seed, ...ran };
  }

  /** The outcome, and the settings with which the budget was spent. */
  private async runOf(request: RunRequest): Promise<{ settings: Settings; outcome: Outcome } | undefined> {
    const { problem, entry, budget, settings, seed } = request;
    const tuning = seed === tuningSeed;
    const facts = this.facts[problem.name];
    const common = {
      problem,
      method: entry.name,
      seed,
      count: tuning ? tuningCount : this.options.count,
      densityCount: tuning || facts === undefined ? 0 : Math.max(32, Math.floor(densityWork / (1 + facts.dimension))),
      exact: facts,
      ...this.options.network,
    };
    if (entry.trains === "nothing") {
      return this.runJob({ ...common, kind: "run", settings, iterations: 0 });
    }
    const cost = await this.costOf(common, settings);
    if (cost === undefined) {
      return undefined;
    }
    if ("refused" in cost) {
      const none = { iterations: 0, seconds: 0, wallSeconds: 0, rewardCalls: 0, peakMemoryMb: 0 };
      return { settings, outcome: { status: "refused", message: cost.refused, ...none } };
    }
    return this.runJob({ ...common, kind: "run", ...spend(budget, settings, cost) });
  }

  /** Costs do not depend on how fast a method learns, so they are measured once for all learning rates. */
  private async costOf(
    common: Omit<Job, "kind" | "settings" | "iterations">,
    settings: Settings,
  ): Promise<Cost | { refused: string } | undefined> {
    const { learningRate, referencePenalty, maxKlPath, ...shape } = settings.knobs;
    const key = { ...settings, knobs: shape };
    // Nothing may stop the few iterations that are measured.
    const knobs = {
      ...settings.knobs,
      ...(maxKlPath !== undefined && { maxKlPath: Number.MAX_VALUE }),
    };
    const job = { ...common, seed: tuningSeed, count: 0, densityCount: 0, iterations: 0 };
    const result = await this.job({ ...job, kind: "calibrate", settings: { ...settings, knobs } }, key);
    return result?.kind !== "calibrate" ? undefined : "refused" in result ? result : result.cost;
  }

  private async runJob(job: Job): Promise<{ settings: Settings; outcome: Outcome } | undefined> {
    const { settings } = job;
    const result = await this.job(job, settings);
    return result?.kind === "run" ? { settings, outcome: result.outcome } : undefined;
  }

  /** From the journal, or done now and written there; undefined where only what is finished is asked for. */
  private async job(job: Job, settings: object): Promise<JobResult | undefined> {
    const { kind, method, seed, iterations, count, width, depth } = job;
    const { title: _, ...problem } = job.problem;
    const key = canonicalJson({
      ...{ kind, problem, method, seed, iterations, count, width, depth },
      settings,
    } as unknown as Json);
    const known = this.journal.get(key);
    if (known !== undefined || this.options.onlyFinished) {
      return known;
    }
    const pending = this.underWay.get(key) ?? this.turns.take(() => this.runNow(job, key));
    this.underWay.set(key, pending);
    return pending;
  }

  private async runNow(job: Job, key: string): Promise<JobResult> {
    throwIfAborted(this.signal, "The comparison");
    const result = await this.options.runner(job, this.signal);
    this.journal.add(key, result);
    return result;
  }

  private finish(what: string): void {
    this.done += 1;
    this.options.onProgress?.({ done: this.done, total: this.total, what });
  }
}

interface RunRequest {
  readonly problem: ComparisonProblem;
  readonly entry: CatalogueEntry;
  readonly budget: Budget;
  readonly settings: Settings;
  readonly seed: number;
}
