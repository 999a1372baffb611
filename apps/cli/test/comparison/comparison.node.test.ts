import { describe, expect, it } from "vitest";
import { spend } from "../../src/comparison/budget.js";
import {
  aimsTable,
  type Comparison,
  comparisonTable,
  equivalentScale,
  frontierFigures,
  runAims,
  summarize,
} from "../../src/comparison/index.js";
import type { Budget, ExactFacts, Job, Outcome } from "../../src/comparison/job.js";
import { comparisonProblems } from "../../src/comparison/problem.js";
import { Turns } from "../../src/comparison/turns.js";
import { figureSvg } from "../../src/plot/index.js";
import { markupProblem } from "../support/well-formed.js";

const seconds: Budget = { kind: "seconds", amount: 3, seconds: 3 };
const problem = comparisonProblems[0]!;
// A Gaussian N(0, 1) with r = x: E r = lambda, KL = lambda^2 / 2.
const exact: ExactFacts = {
  dimension: 1,
  reward: 1,
  baseReward: 0,
  rewardDeviation: 1,
  kl: 0.5,
  logNormalizer: 0.5,
  baseEss: Math.exp(-1),
  centres: [0],
  masses: [1],
  frontier: Array.from({ length: 31 }, (_, k) => ({ rewardScale: k / 10, reward: k / 10, kl: (k / 10) ** 2 / 2 })),
};

function outcome(reward: number, rest: Partial<Outcome> = {}): Outcome {
  const law = { reward, rewardError: 0.01, validFraction: 1, totalVariation: 0.02 };
  return {
    ...{ status: "done", iterations: 10, seconds: 2, wallSeconds: 3, rewardCalls: 1000, peakMemoryMb: 100 },
    sde: { ...law, klPath: reward ** 2 / 2, pathEss: 0.9 },
    ode: { ...law, klToTilt: (reward - 1) ** 2 / 2, klToBase: 7, achievedScale: reward },
    ...rest,
  };
}

function comparison(): Comparison {
  const settings = { steps: 20, knobs: { learningRate: 0.006 } };
  const run = (method: string, seed: number, result: Outcome) => ({
    ...{ problem: problem.name, method, budget: seconds, seed, settings },
    outcome: result,
  });
  const refused: Outcome = {
    ...{ status: "refused", message: "The reward has no gradient.\nMore.", iterations: 0 },
    ...{ seconds: 0, wallSeconds: 0, rewardCalls: 0, peakMemoryMb: 0 },
  };
  return {
    ...{ problems: [problem], methods: ["tilt-matching", "reinforce", "draft", "svdd"], budgets: [seconds], seeds: 2 },
    ...{ count: 100, network: { width: 8, depth: 1 }, facts: { s1: exact } },
    chosen: { s1: { reinforce: { settings }, "tilt-matching": { settings }, draft: { settings } } },
    runs: [
      run("reinforce", 1, outcome(0.8)),
      run("reinforce", 2, outcome(1)),
      run("tilt-matching", 1, outcome(0.5, { message: "Stopped early." })),
      run("tilt-matching", 2, outcome(9)),
      run("draft", 1, refused),
      run("draft", 2, refused),
    ],
  };
}

describe("a summary", () => {
  it("has means, standard deviations over the seeds, and the equivalent lambda", () => {
    const [tilt, reinforce, draft] = summarize(comparison());
    expect(reinforce!.numbers.reward_sde!.mean).toBeCloseTo(0.9, 12);
    expect(reinforce!.numbers.reward_sde!.deviation).toBeCloseTo(Math.sqrt(0.02), 12);
    expect(reinforce!.numbers.lambda_sde!.mean).toBeCloseTo(0.9, 12);
    expect(reinforce!.seeds).toBe(2);
    // KL(N(m, 1) || N(0, 1)) = m^2 / 2, whatever the few densities say.
    expect(reinforce!.numbers.kl_to_base_ode!.mean).toBeCloseTo((0.8 ** 2 + 1) / 4, 12);
    // Beyond the frontier the scale stays at its end.
    expect(tilt!.numbers.lambda_sde!.mean).toBeCloseTo((0.5 + 3) / 2, 12);
    expect(draft).toMatchObject({ status: "refused", seeds: 0, numbers: {} });
  });

  it("finds the lambda of a mean reward between two tilts", () => {
    expect(equivalentScale(0.55, exact.frontier)).toBeCloseTo(0.55, 12);
    expect(equivalentScale(-1, exact.frontier)).toBe(0);
    expect(equivalentScale(99, exact.frontier)).toBe(3);
    expect(equivalentScale(1, [])).toBe(undefined);
  });
});

describe("a table", () => {
  it("begins with the exact answer, has the closest method next, and says what is missing", () => {
    const all = comparison();
    const table = comparisonTable(all, summarize(all), { problem, budget: seconds });
    const rows = table.split("\n").filter((line) => /^\| [^-]/.test(line));
    expect(rows.map((row) => row.split(" | ")[0])).toEqual([
      "| method",
      "| **exact tilt**",
      "| reinforce",
      "| tilt-matching †",
    ]);
    expect(new Set(rows.map((row) => row.split(" | ").length)).size).toBe(1);
    expect(rows[2]).toContain("0.900 ± 0.141");
    expect(rows[2]).toContain("N 20, learningRate 0.006");
    expect(table).toContain("- † `tilt-matching`: Stopped early.");
    expect(table).toContain("- `draft`: cannot run here: The reward has no gradient.");
    expect(table).toContain("- not run yet: `svdd`");
  });
});

describe("a figure", () => {
  const figures = (method: (seed: number) => Outcome, count = 1) => {
    const all = comparison();
    const more = Array.from({ length: count }, (_, k) => `method-${k}`);
    const runs = more.map((name, k) => ({ ...all.runs[0]!, method: name, outcome: method(k) }));
    const summaries = summarize({ ...all, methods: [...all.methods, ...more], runs: [...all.runs, ...runs] });
    return frontierFigures({ problem, budget: seconds, exact, summaries });
  };

  it("draws methods and the frontier in colours that need no style sheet, and names those outside", () => {
    const [figure, ...rest] = figures(() => outcome(0.2));
    expect(rest).toEqual([]);
    const svg = figureSvg(figure!);
    expect(markupProblem(svg)).toBe(undefined);
    expect(svg.replaceAll(/<style>.*?<\/style>/g, "")).not.toContain("var(");
    expect(svg.match(/>REINFORCE</g)).toHaveLength(2);
    expect(svg).not.toContain(">TM<");
    expect(figure!.caption).toContain("Outside the picture: TM (SDE: KL 20.3, reward 4.75)");
  });

  it("looks closer where many methods are close to the tilt, and names each in one picture only", () => {
    const [figure, close] = figures((k) => outcome(1 + 0.02 * k), 3).map(figureSvg);
    for (const name of ["REINFORCE", "method-0", "method-1", "method-2"]) {
      expect(figure).not.toContain(`>${name}<`);
      expect(close!.match(new RegExp(`>${name}<`, "g"))).toHaveLength(2);
    }
    expect(figure).not.toContain(">REINFORCE<");
    expect(figure).toContain(">exact tilt<");
    expect(markupProblem(close!)).toBe(undefined);
  });
});

describe("a budget", () => {
  const cost = { setupSeconds: 1, iterationSeconds: 0.01, setupCalls: 100, iterationCalls: 50 };
  const pooled = { ...cost, iterationCalls: 0, setupCalls: 2000 };
  const settings = { steps: 8, knobs: { basePoolSize: 1000, poolSize: 500, rounds: 3, learningRate: 1e-3 } };

  it("of seconds is what is left after the setup", () => {
    expect(spend(seconds, settings, cost)).toEqual({ settings, iterations: 200 });
    expect(spend({ ...seconds, amount: 0.5 }, settings, cost).iterations).toBe(1);
  });

  it("of reward calls counts iterations, or scales pools and keeps to the seconds", () => {
    const calls: Budget = { kind: "reward-calls", amount: 1000, seconds: 3 };
    expect(spend(calls, settings, cost)).toEqual({ settings, iterations: 18 });
    const { settings: scaled, iterations } = spend(calls, settings, pooled);
    expect(scaled.knobs).toEqual({ basePoolSize: 500, poolSize: 250, rounds: 3, learningRate: 1e-3 });
    expect(iterations).toBe(250);
  });
});

describe("turns", () => {
  it("let no more than so many run, first come, first served", async () => {
    const turns = new Turns(2);
    const [begun, release]: [number[], (() => void)[]] = [[], []];
    let [running, most] = [0, 0];
    const tasks = [0, 1, 2, 3, 4].map((k) =>
      turns.take(async () => {
        begun.push(k);
        running += 1;
        most = Math.max(most, running);
        await new Promise<void>((resolve) => release.push(resolve));
        running -= 1;
        if (k === 1) {
          throw new Error("one fails");
        }
        return k;
      }),
    );
    const settled = Promise.allSettled(tasks);
    for (let k = 0; k < tasks.length; k++) {
      await new Promise((resolve) => setTimeout(resolve, 0));
      release[k]!();
    }
    expect((await settled).map(({ status }) => status)).toEqual([
      "fulfilled",
      "rejected",
      "fulfilled",
      "fulfilled",
      "fulfilled",
    ]);
    expect(most).toBe(2);
    expect(begun).toEqual([0, 1, 2, 3, 4]);
  });
});

describe("the aims", () => {
  it("plan for less than a minute, and say which bounds are met", async () => {
    const jobs: Job[] = [];
    const results = await runAims({
      ...{ signal: new AbortController().signal, seed: 1, count: 100 },
      runner: async (job) => {
        jobs.push(job);
        return job.kind === "calibrate"
          ? { kind: "calibrate", cost: { setupSeconds: 12, iterationSeconds: 0.01, setupCalls: 1, iterationCalls: 0 } }
          : { kind: "run", outcome: outcome(1, { wallSeconds: 61 }) };
      },
    });
    expect(jobs.filter(({ kind }) => kind === "run").map(({ iterations }) => iterations)).toEqual([4000, 4000, 4000]);
    expect(results.map(({ problem: name }) => name)).toEqual(["s1", "four-modes", "h16"]);
    const table = aimsTable(results);
    expect(table).toContain("| h16 | path ESS | at least 0.94 | 0.900 | NO |");
    expect(table).toContain("| s1 | TV, SDE | at most 0.01 | 0.0200 | NO |");
    expect(table.match(/\| seconds \| at most 60 \| 61.0 \| NO \|/g)).toHaveLength(3);
  });
});
