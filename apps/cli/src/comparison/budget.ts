import type { Budget, Cost, Settings } from "./job.js";

/** Knobs that are counts of reward calls, or go with them. */
const pooledKnobs = ["basePoolSize", "poolSize", "ladderEss"];

/** Settings and iterations with which a run spends a budget. */
export interface Spending {
  readonly settings: Settings;
  readonly iterations: number;
}

/**
 * How a method spends a budget, by what its iterations have been measured to cost. A method whose reward calls do not grow with its
 * iterations draws pools: for a budget of reward calls these are scaled to it, and it trains for the seconds that go with the budget.
 */
export function spend(budget: Budget, settings: Settings, cost: Cost): Spending {
  const { setupSeconds, iterationSeconds, setupCalls, iterationCalls } = cost;
  const within = (seconds: number, setup: number) => whole((seconds - setup) / iterationSeconds);
  if (budget.kind === "seconds") {
    return { settings, iterations: within(budget.amount, setupSeconds) };
  }
  if (iterationCalls > 0) {
    return { settings, iterations: whole((budget.amount - setupCalls) / iterationCalls) };
  }
  const factor = budget.amount / Math.max(1, setupCalls);
  const knobs = Object.entries(settings.knobs).map(([name, value]) =>
    pooledKnobs.includes(name) && typeof value === "number"
      ? ([name, Math.max(2, Math.floor(value * factor))] as const)
      : ([name, value] as const),
  );
  return {
    settings: { ...settings, knobs: Object.fromEntries(knobs) },
    iterations: within(budget.seconds, setupSeconds * Math.min(1, factor)),
  };
}

/** A budget in words: `3 CPU seconds`. */
export function budgetText({ kind, amount }: Budget): string {
  return kind === "seconds" ? `${amount} CPU seconds` : `${amount} reward calls`;
}

function whole(count: number): number {
  return Math.max(1, Math.floor(count));
}
