import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { type CatalogueEntry, methodCatalogue } from "@diffusiongym/methods";
import { flag, integer, number, type Option, text, UsageError, type Values } from "../arguments/index.js";
import type { Budget, ChosenSettings } from "../comparison/index.js";
import { methodNamed } from "./method-options.js";
import { type commonOptions, environmentOptions } from "./options.js";

/** Options of `compare`. */
export const compareOptions = {
  problems: list("Problems, separated by commas", "all six"),
  methods: list("Methods, separated by commas; names may also be typed without the option", "all"),
  seeds: integer(5, { least: 1 }, { description: "Runs of each method, with the seeds 1, 2, ...; 0 is for tuning" }),
  seconds: number(undefined, {
    description: "CPU seconds of training of each run; 0 leaves this budget out",
    shownDefault: "10",
  }),
  "reward-calls": integer(
    undefined,
    { least: 0 },
    { description: "Samples that the reward judges in each run; 0 leaves this budget out", shownDefault: "32768" },
  ),
  count: integer(10_000, { least: 2 }, { description: "Samples of each law for the evaluation", short: "n" }),
  settings: text({
    description: "JSON file of settings by problem and method, as in settings.json, which are then not tuned",
    placeholder: "FILE",
  }),
  parallel: integer(1, { least: 1, most: 64 }, { description: "Runs at once" }),
  width: integer(64, { least: 1 }, { description: "Width of the networks" }),
  depth: integer(3, { least: 1 }, { description: "Hidden layers of the networks" }),
  "reward-scale": environmentOptions["reward-scale"],
  out: text({ description: "Folder for the files", placeholder: "DIR", shownDefault: "diffusiongym-comparison" }),
  finished: flag("Run nothing: report what the folder has so far"),
  aims: flag(
    "Instead: path-weighted tilt matching for a minute on s1, four-modes and h16, beside what it should reach",
  ),
};

/** Values of its options. */
export type CompareValues = Values<typeof compareOptions & typeof commonOptions>;

function list(description: string, shownDefault: string): Option<readonly string[]> {
  return {
    description,
    placeholder: "NAMES",
    shownDefault,
    many: true,
    read: (given) =>
      given
        .flatMap((each) => each.split(","))
        .map((name) => name.trim())
        .filter((name) => name !== ""),
  };
}

/**
 * The methods of the names, all where there are none; each once.
 * @throws UsageError with the nearest name
 */
export function methodsNamed(names: readonly string[]): CatalogueEntry[] {
  const wanted = new Set(names.map((name) => methodNamed(name).name));
  // The library's defaults, not the command's own.
  return methodCatalogue.filter(({ name }) => wanted.size === 0 || wanted.has(name));
}

/**
 * The budgets that are asked for; the first is the one that methods are tuned with.
 * @throws UsageError when none is left
 */
export function budgetsOf({ seconds = 10, "reward-calls": calls = 32_768 }: CompareValues): Budget[] {
  if (seconds < 0) {
    throw new UsageError(`--seconds ${seconds}: this must be 0 or more.`, "compare");
  }
  const budgets: Budget[] = [
    ...(seconds > 0 ? [{ kind: "seconds" as const, amount: seconds, seconds }] : []),
    ...(calls > 0 ? [{ kind: "reward-calls" as const, amount: calls, seconds: seconds || 10 }] : []),
  ];
  if (budgets.length === 0) {
    throw new UsageError("--seconds 0 and --reward-calls 0 leave no budget; give one of them.", "compare");
  }
  return budgets;
}

/**
 * Settings of a file, as an earlier comparison has written them.
 * @throws UsageError when there are none
 */
export async function readSettings(path: string, folder: string): Promise<ChosenSettings> {
  let parsed: unknown;
  try {
    parsed = JSON.parse(await readFile(resolve(folder, path), "utf8"));
  } catch (error) {
    throw new UsageError(`--settings ${path}: the file cannot be read: ${(error as Error).message}`, "compare");
  }
  const isObject = (value: unknown): value is Record<string, unknown> => typeof value === "object" && value !== null;
  const problems = isObject(parsed) ? Object.entries(parsed) : [];
  const wrong = problems.flatMap(([problem, methods]) =>
    Object.entries(isObject(methods) ? methods : { [problem]: methods })
      .filter(([, choice]) => {
        const settings = isObject(choice) ? choice.settings : undefined;
        return !isObject(settings) || typeof settings.steps !== "number" || !isObject(settings.knobs);
      })
      .map(([method]) => `${problem}, ${method}`),
  );
  if (problems.length === 0 || wrong.length > 0) {
    throw new UsageError(
      `--settings ${path}: ${wrong[0] === undefined ? "there are no settings" : `"settings" with "steps" and "knobs" are missing at ${wrong[0]}`}; the file must be like settings.json of an earlier comparison.`,
      "compare",
    );
  }
  return parsed as ChosenSettings;
}
