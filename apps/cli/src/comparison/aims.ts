import { spend } from "./budget.js";
import { exactFacts } from "./exact-facts.js";
import type { ExactFacts, Job, Outcome, Settings } from "./job.js";
import { problemNamed } from "./problem.js";
import type { Runner } from "./runner.js";
import { markdownTable } from "./table.js";

/** What the recommended black-box method should reach in a minute. */
export interface Aim {
  readonly problem: string;
  readonly settings: Settings;
  readonly limits: readonly Limit[];
}

/** One number with its bound. */
export interface Limit {
  readonly name: string;
  readonly pick: (outcome: Outcome) => number | undefined;
  readonly bound: number;
  readonly sense: "at most" | "at least";
}

/** An aim with what was measured. */
export interface AimResult {
  readonly problem: string;
  readonly outcome: Outcome;
  readonly limits: readonly {
    readonly name: string;
    readonly bound: string;
    readonly value: number;
    readonly met: boolean;
  }[];
}

/** Seconds that training may take on a quiet machine. */
const wallSeconds = 60;
/** CPU seconds that iterations are planned for: less, because an estimate may err. */
const plannedSeconds = 52;

const variation = (law: "sde" | "ode"): Limit => ({
  name: `TV, ${law.toUpperCase()}`,
  pick: (outcome) => outcome[law]?.totalVariation,
  bound: 0.01,
  sense: "at most",
});
const time: Limit = { name: "seconds", pick: (outcome) => outcome.wallSeconds, bound: wallSeconds, sense: "at most" };
const ess: Limit = { name: "path ESS", pick: (outcome) => outcome.sde?.pathEss, bound: 0.94, sense: "at least" };

const large = { learningRate: 6e-3, averageDecay: 0.995, batchSize: 512, leastEss: 200 };
const pools = { basePoolSize: 131_072, poolSize: 16_384, rounds: 4 };

/** METHODS 6.5 has these runs. */
const aims: readonly Aim[] = [
  {
    problem: "s1",
    settings: { steps: 128, knobs: { ...large, ...pools } },
    limits: [variation("sde"), variation("ode"), time],
  },
  {
    problem: "four-modes",
    settings: { steps: 128, knobs: { ...large, ...pools } },
    limits: [variation("sde"), variation("ode"), time],
  },
  {
    problem: "h16",
    settings: {
      steps: 64,
      knobs: { ...large, basePoolSize: 65_536, poolSize: 8192, rounds: 6, ladderEss: 2000 },
    },
    limits: [variation("sde"), variation("ode"), ess, time],
  },
];

/** Options of `runAims`. */
export interface AimOptions {
  readonly runner: Runner;
  readonly signal: AbortSignal;
  readonly seed: number;
  /** Samples of each law; METHODS 4.4 asks for 50 000 where a total variation below .01 is to be seen. */
  readonly count: number;
  readonly onProgress?: (what: string) => void;
}

/** Runs path-weighted tilt matching for a minute on three problems. */
export async function runAims({ runner, signal, seed, count, onProgress }: AimOptions): Promise<AimResult[]> {
  const results: AimResult[] = [];
  for (const { problem: name, settings, limits } of aims) {
    const problem = problemNamed(name);
    const exact: ExactFacts | undefined = await exactFacts(problem);
    const job: Job = {
      ...{ kind: "calibrate", problem, settings, seed, count, exact },
      ...{ method: "path-weighted-tilt-matching", iterations: 0, densityCount: 0, width: 64, depth: 3 },
    };
    onProgress?.(`${name}: measuring what an iteration costs`);
    const calibrated = await runner(job, signal);
    if (calibrated.kind !== "calibrate" || "refused" in calibrated) {
      throw new Error(`The aims cannot be measured on ${name}.`);
    }
    const budget = { kind: "seconds", amount: plannedSeconds, seconds: plannedSeconds } as const;
    const spending = spend(budget, settings, calibrated.cost);
    onProgress?.(`${name}: ${spending.iterations} iterations, then ${count} samples`);
    const ran = await runner({ ...job, kind: "run", ...spending }, signal);
    const { outcome } = ran as Extract<typeof ran, { kind: "run" }>;
    results.push({ problem: name, outcome, limits: limits.map((limit) => judged(limit, outcome)) });
  }
  return results;
}

function judged({ name, pick, bound, sense }: Limit, outcome: Outcome): AimResult["limits"][number] {
  const value = pick(outcome) ?? Number.NaN;
  return { name, bound: `${sense} ${bound}`, value, met: sense === "at most" ? value <= bound : value >= bound };
}

/** The aims beside what was measured, as Markdown. */
export function aimsTable(results: readonly AimResult[]): string {
  const rows = results.flatMap(({ problem, outcome, limits }) => [
    ...limits.map(({ name, bound, value, met }) => [problem, name, bound, value.toPrecision(3), met ? "yes" : "NO"]),
    [problem, "reward calls", "", String(outcome.rewardCalls), ""],
    [problem, "iterations", "", String(outcome.iterations), ""],
    ...(outcome.message === undefined ? [] : [[problem, outcome.status, "", outcome.message.split("\n")[0]!, ""]]),
  ]);
  return markdownTable([["problem", "number", "aim", "measured", "met"], ...rows]);
}
