import type { Comparison, ComparisonRun } from "./campaign.js";
import type { Budget, ExactFacts, FrontierPoint, Settings } from "./job.js";

/** Mean and standard deviation over the seeds. */
export interface Spread {
  readonly mean: number;
  /** Of the seeds, not of their mean; absent for one seed. */
  readonly deviation?: number;
}

/** Numbers of a method on a problem within a budget, over the seeds. */
export interface Summary {
  readonly problem: string;
  readonly method: string;
  readonly budget: Budget;
  /** Seeds that were finished. */
  readonly seeds: number;
  /** Why there are no numbers, or why training ended early. */
  readonly note?: string;
  /** `"missing"` where nothing was run yet. */
  readonly status: "done" | "refused" | "failed" | "missing";
  readonly settings?: Settings;
  readonly numbers: { readonly [name in Quantity]?: Spread };
}

/** What is summed up; names are those of `results.json`. */
export const quantities = [
  "reward_sde",
  "reward_ode",
  "total_variation_sde",
  "total_variation_ode",
  "kl_to_tilt_ode",
  "kl_to_base_ode",
  "lambda_sde",
  "lambda_ode",
  "lambda_slope_ode",
  "kl_path",
  "path_ess",
  "seconds",
  "peak_memory_mb",
  "reward_calls",
  "iterations",
] as const;

export type Quantity = (typeof quantities)[number];

/** The summaries of a comparison, by problem and budget, methods in the order of the catalogue. */
export function summarize({ problems, methods, budgets, runs, facts }: Comparison): Summary[] {
  return problems.flatMap(({ name: problem, rewardScale }) =>
    budgets.flatMap((budget) =>
      methods.map((method) => {
        const own = runs.filter(
          (run) =>
            run.problem === problem &&
            run.method === method &&
            run.budget.kind === budget.kind &&
            run.budget.amount === budget.amount,
        );
        return summaryOf({ problem, method, budget }, own, { exact: facts[problem], rewardScale });
      }),
    ),
  );
}

function summaryOf(
  what: Pick<Summary, "problem" | "method" | "budget">,
  runs: readonly ComparisonRun[],
  target: Target,
): Summary {
  const done = runs.filter(({ outcome }) => outcome.status === "done");
  const [other] = runs.filter(({ outcome }) => outcome.status !== "done");
  const note = other?.outcome.message ?? done.find(({ outcome }) => outcome.message !== undefined)?.outcome.message;
  const values = done.map((run) => valuesOf(run, target));
  const numbers = quantities.flatMap((quantity) => {
    const known = values.map((each) => each[quantity]).filter((value) => value !== undefined);
    return known.length === 0 ? [] : [[quantity, spreadOf(known)] as const];
  });
  return {
    ...what,
    seeds: done.length,
    ...(note !== undefined && { note }),
    ...(runs[0] && { settings: runs[0].settings }),
    status: done.length > 0 ? "done" : (other?.outcome.status ?? "missing"),
    numbers: Object.fromEntries(numbers),
  };
}

/** What a problem asks for. */
interface Target {
  readonly exact: ExactFacts | undefined;
  readonly rewardScale: number;
}

function valuesOf({ outcome }: ComparisonRun, { exact, rewardScale }: Target): { [name in Quantity]?: number } {
  // A sampler has one law, which stands where the SDE's does.
  const { sde, ode, samples = sde } = outcome;
  const scaleOf = (reward: number | undefined): number | undefined =>
    reward === undefined || exact === undefined ? undefined : equivalentScale(reward, exact.frontier);
  const all: { [name in Quantity]: number | undefined } = {
    reward_sde: samples?.reward,
    reward_ode: ode?.reward,
    total_variation_sde: samples?.totalVariation,
    total_variation_ode: ode?.totalVariation,
    kl_to_tilt_ode: ode?.klToTilt,
    kl_to_base_ode: klToBase(outcome, { exact, rewardScale }),
    lambda_sde: scaleOf(samples?.reward),
    lambda_ode: scaleOf(ode?.reward),
    lambda_slope_ode: ode?.achievedScale,
    kl_path: sde?.klPath,
    path_ess: sde?.pathEss,
    seconds: outcome.seconds,
    peak_memory_mb: outcome.peakMemoryMb,
    reward_calls: outcome.rewardCalls,
    iterations: outcome.iterations,
  };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => Number.isFinite(value)));
}

/**
 * KL(p || base) = KL(p || tilt) + lambda E[r] - log Z. The first is a mean of small numbers and E[r] one over all samples, so that the
 * few densities give less noise than their own mean of log p / p_base would.
 */
function klToBase({ ode }: ComparisonRun["outcome"], { exact, rewardScale }: Target): number | undefined {
  return ode?.klToTilt === undefined || exact === undefined
    ? ode?.klToBase
    : ode.klToTilt + rewardScale * ode.reward - exact.logNormalizer;
}

function spreadOf(values: readonly number[]): Spread {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  if (values.length === 1) {
    return { mean };
  }
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (values.length - 1);
  return { mean, deviation: Math.sqrt(variance) };
}

/**
 * lambda of the tilt with this mean reward: METHODS 4.5's equivalent lambda. At the ends of the frontier it stays at the end's value:
 * 0, or the largest that was computed.
 */
export function equivalentScale(reward: number, frontier: readonly FrontierPoint[]): number | undefined {
  const [first, last] = [frontier[0], frontier.at(-1)];
  if (first === undefined || last === undefined) {
    return undefined;
  }
  if (reward <= first.reward) {
    return first.rewardScale;
  }
  const above = frontier.findIndex((point) => point.reward >= reward);
  if (above === -1) {
    return last.rewardScale;
  }
  const [a, b] = [frontier[above - 1]!, frontier[above]!];
  return a.rewardScale + ((b.rewardScale - a.rewardScale) * (reward - a.reward)) / (b.reward - a.reward);
}

/** The order of a table: the closest to the tilt first, then those without an answer. */
export function rankOf({ status, numbers }: Summary, exact: ExactFacts | undefined): number {
  if (status !== "done") {
    return Number.POSITIVE_INFINITY;
  }
  const error = (law: "sde" | "ode"): number => {
    const reward = numbers[`reward_${law}`]?.mean;
    const variation = numbers[`total_variation_${law}`]?.mean ?? 0;
    return reward === undefined
      ? Number.POSITIVE_INFINITY
      : exact === undefined
        ? -reward
        : variation + Math.abs(reward - exact.reward) / exact.rewardDeviation;
  };
  return Math.min(error("sde"), error("ode"));
}
