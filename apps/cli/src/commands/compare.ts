import { isErrorNamed } from "@diffusiongym/core";
import { FileStorage } from "@diffusiongym/methods";
import { optionSection, parseArguments, renderHelp, UsageError, whileReading } from "../arguments/index.js";
import {
  aimsTable,
  type Comparison,
  type ComparisonProblem,
  comparisonFiles,
  comparisonProblems,
  comparisonTable,
  exactFacts,
  inChildProcess,
  problemNamed,
  type Runner,
  resultsOf,
  runAims,
  runCampaign,
  summarize,
  thisMachine,
} from "../comparison/index.js";
import { columnsOf, exitCodeRows, type Io, Progress } from "../terminal/index.js";
import type { Command } from "./command.js";
import { budgetsOf, type CompareValues, compareOptions, methodsNamed, readSettings } from "./compare-options.js";
import { importParts } from "./environment.js";
import { Interruption } from "./interruption.js";
import { commonOptions, defaultRewardScale } from "./options.js";
import { outFolder, shownPath } from "./out-folder.js";

/** `diffusiongym compare`: methods side by side, each held to the exact answer. */
export const compareCommand: Command = compareWith(inChildProcess(new URL("./compare-child.js", import.meta.url)));

/** The command with another way to run: tests stay in their own process. */
export function compareWith(runner: Runner): Command {
  return {
    name: "compare",
    summary: "Compare methods on problems with exact answers, at equal seconds and equal reward calls",
    async run(args, io) {
      const { positionals, values, model, reward } = parseArguments(
        { ...compareOptions, ...commonOptions },
        args,
        true,
      );
      if (values.help) {
        io.stdout.write(help(io));
        return;
      }
      await whileInterruptible(args, async () => {
        if (values.aims) {
          await aims(runner, io, values);
          return;
        }
        const ids = positionals.filter((each) => each.includes("/"));
        const names = positionals.filter((each) => !each.includes("/"));
        const problems = await problemsOf({ ids, model, reward, values }, io);
        await compare({ problems, methods: [...names, ...values.methods], runner, values, args }, io);
      });
    },
  };
}

interface Typed {
  readonly ids: readonly string[];
  readonly model: object;
  readonly reward: object;
  readonly values: CompareValues;
}

/** The named problems, or the environment of the user. */
async function problemsOf({ ids, model, reward, values }: Typed, io: Io): Promise<ComparisonProblem[]> {
  const partsGiven = Object.keys({ ...model, ...reward }).length > 0 || values["reward-scale"] !== undefined;
  const [modelId, rewardId] = ids;
  if (modelId === undefined) {
    if (partsGiven) {
      throw new UsageError("--model, --reward and --reward-scale belong to an environment of your own: MODEL REWARD.");
    }
    const names = values.problems;
    const wanted = names.map((name) => problemNamed(name).name);
    return comparisonProblems.filter(({ name }) => wanted.length === 0 || wanted.includes(name));
  }
  if (rewardId === undefined || ids.length > 2 || values.problems.length > 0) {
    throw new UsageError(
      "compare takes a model and a reward, or --problems, and otherwise names of methods, which have no slash.",
    );
  }
  await importParts([modelId, rewardId], values.import, io.folder);
  const rewardScale = values["reward-scale"] ?? defaultRewardScale(modelId, rewardId);
  const problem: ComparisonProblem = {
    name: "own",
    title: `${modelId} with ${rewardId}, λ = ${rewardScale}`,
    model: { id: modelId, options: model },
    reward: { id: rewardId, options: reward },
    rewardScale,
    ...(values.import.length > 0 && { imports: values.import }),
  };
  await whileReading("compare", () => exactFacts(problem, io.folder));
  return [problem];
}

interface Asked {
  readonly problems: readonly ComparisonProblem[];
  readonly methods: readonly string[];
  readonly runner: Runner;
  readonly values: CompareValues;
  readonly args: readonly string[];
}

async function compare({ problems, methods, runner, values, args }: Asked, io: Io): Promise<void> {
  const folder = outFolder(io, values.out ?? "diffusiongym-comparison");
  const entries = methodsNamed(methods);
  const budgets = budgetsOf(values);
  const chosen = values.settings === undefined ? undefined : await readSettings(values.settings, io.folder);
  let progress: Progress | undefined;
  let comparison: Comparison;
  try {
    comparison = await runCampaign({
      ...{ problems, methods: entries, budgets, folder, runner },
      ...{ seeds: values.seeds, count: values.count, parallel: values.parallel, signal: io.interrupted },
      network: { width: values.width, depth: values.depth },
      ...(chosen && { chosen }),
      onlyFinished: values.finished,
      onProgress({ done, total, what }) {
        progress ??= new Progress(io.stderr, { label: "comparing", total, start: done - 1, unit: "runs" });
        progress.update(done, what);
      },
    });
  } finally {
    progress?.end();
  }
  const circumstances = {
    command: ["diffusiongym", "compare", ...args.filter((arg) => arg !== "--finished")].join(" "),
    date: new Date().toISOString().slice(0, 10),
    ...thisMachine(),
  };
  const files = comparisonFiles(comparison, circumstances);
  const storage = new FileStorage(folder);
  for (const [name, content] of Object.entries(files)) {
    await storage.write(name, new TextEncoder().encode(content));
  }
  const paths = Object.keys(files).map((name) => shownPath(io, folder, name));
  if (values.json) {
    io.stdout.write(`${JSON.stringify({ ...resultsOf(comparison, circumstances), files: paths })}\n`);
    return;
  }
  const summaries = summarize(comparison);
  const tables = problems.flatMap((problem) =>
    budgets.map((budget) => comparisonTable(comparison, summaries, { problem, budget })),
  );
  io.stdout.write(`${tables.join("\n\n")}\n\nReport: ${shownPath(io, folder, "TABLES.md")}\n`);
}

async function aims(runner: Runner, io: Io, { json, count }: CompareValues): Promise<void> {
  const results = await runAims({
    ...{ runner, signal: io.interrupted, seed: 1, count: Math.max(count, 50_000) },
    onProgress: (what) => io.stderr.write(`${what}\n`),
  });
  io.stdout.write(json ? `${JSON.stringify({ command: "compare", aims: results })}\n` : `${aimsTable(results)}\n`);
}

/** Says how to go on after Ctrl-C: nothing that was finished is lost. */
async function whileInterruptible(args: readonly string[], work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (isErrorNamed(error, "AbortError")) {
      const again = ["diffusiongym", "compare", ...args].join(" ");
      throw new Interruption(`Interrupted. The runs that were finished are kept; go on with:\n  ${again}`);
    }
    throw error;
  }
}

function help(io: Io): string {
  return renderHelp(
    {
      usage:
        "diffusiongym compare [METHOD...] [options]\n       diffusiongym compare MODEL REWARD [METHOD...] [options]",
      summary:
        "Compares methods on problems of which the exact answer is known, or on an environment of your own: mean reward, total variation, KL to the " +
        "tilt, achieved lambda, path ESS, seconds, memory and reward calls, over several seeds, after tuning each method alike. " +
        "A comparison that was stopped goes on where it was.",
      sections: [
        { title: "Problems", rows: comparisonProblems.map(({ name, title }) => [name, title]) },
        optionSection("Options", compareOptions),
        {
          title: "Options of the model and the reward",
          rows: [
            ["--model.NAME VALUE", "an option of the model; VALUE is JSON, or text"],
            ["--reward.NAME VALUE", "an option of the reward"],
          ],
        },
        optionSection("General options", commonOptions),
        { title: "Exit codes", rows: exitCodeRows },
      ],
      examples: [
        "diffusiongym compare --problems s1,h16 --seconds 60",
        "diffusiongym compare value-matching tilt-matching --problems four-modes --seeds 3",
        "diffusiongym compare toy/gmm2d toy/quadratic --methods path-weighted-tilt-matching,svdd --seconds 5",
      ],
      notes: [
        "Files in the folder: TABLES.md, a picture for each problem and budget, results.json, settings.json, and runs.jsonl, from which it goes on.",
      ],
    },
    columnsOf(io.stdout),
  );
}
