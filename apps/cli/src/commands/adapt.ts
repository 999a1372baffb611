import { join } from "node:path";
import { type AnyData, isErrorNamed } from "@diffusiongym/core";
import { FileStorage, ValueMatching } from "@diffusiongym/methods";
import type { ValueNetwork } from "@diffusiongym/nn";
import {
  choice,
  flag,
  integer,
  number,
  parseArguments,
  renderSection,
  UsageError,
  type Values,
  whileReading,
  wrap,
} from "../arguments/index.js";
import { evaluate, evaluationRows } from "../evaluation/index.js";
import { type AnyEnvironment, exactAnswer } from "../exact/index.js";
import { modalityOf } from "../parts/index.js";
import { meaningsOf, textTable } from "../report/index.js";
import { columnsOf, duration, type Io, Progress, styleFor } from "../terminal/index.js";
import { type FinishedRun, summaryOf, tableCaption, writeReport } from "./adapt-report.js";
import type { Command } from "./command.js";
import { buildEnvironment, idsGiven, importParts } from "./environment.js";
import { environmentHelp } from "./help.js";
import { Interruption } from "./interruption.js";
import { commonOptions, environmentOptions } from "./options.js";
import { outFolder, shownPath } from "./out-folder.js";
import { readLearningCurve, trainWithProgress } from "./training.js";
import { buildValue } from "./value-network.js";

const adaptOptions = {
  ...environmentOptions,
  out: { ...environmentOptions.out, shownDefault: "diffusiongym-report/MODEL-REWARD" },
  fresh: flag("Start anew instead of continuing the run in the folder"),
  count: integer(20_000, { least: 1 }, { description: "Samples of each model for the evaluation", short: "n" }),
};

const trainingOptions = {
  iterations: integer(800, { least: 1 }, { description: "Iterations" }),
  "batch-size": integer(256, { least: 1 }, { description: "Rollouts of an iteration" }),
  steps: integer(
    undefined,
    { least: 1 },
    { description: "Steps of the SDE, in training and evaluation", shownDefault: "32" },
  ),
  "learning-rate": number(3e-3, {
    description: "Peak of Adam's learning rate, which falls to 0 along a cosine",
    positive: true,
  }),
  target: choice(["martingale", "plain"], "martingale", "What the value is regressed on"),
  "no-look-ahead": flag("Take the control's gradient at the state itself instead of where the base step leads"),
  width: integer(64, { least: 1 }, { description: "Width of the value network" }),
  depth: integer(3, { least: 1 }, { description: "Hidden layers of the value network" }),
  threads: integer(1, { least: 1, most: 256 }, { description: "Threads of the network; more pay for wide ones only" }),
};

const allOptions = { ...adaptOptions, ...trainingOptions, ...commonOptions };

/** `diffusiongym adapt`: the main job. */
export const adaptCommand: Command = {
  name: "adapt",
  summary: "Adapt a base model to a reward by value matching, and report",
  async run(args, io) {
    const { positionals, values, model, reward } = parseArguments(allOptions, args, true);
    const [modelId, rewardId] = positionals;
    if (values.help) {
      await importParts([], values.import, io.folder);
      io.stdout.write(await environmentHelp({ ...helpTexts, modelId, rewardId }, io));
      return;
    }
    if (modelId === undefined || rewardId === undefined || positionals.length > 2) {
      throw new UsageError(`adapt takes a model and a reward, but ${idsGiven(positionals.length)}.`, "adapt");
    }
    await importParts([modelId, rewardId], values.import, io.folder);
    const environment = await buildEnvironment({
      command: "adapt",
      modelId,
      rewardId,
      model,
      reward,
      steps: values.steps,
      defaultSteps: 32,
      timeGrid: values["time-grid"],
      allowExpansiveGrid: values["allow-expansive-grid"],
      noise: values.noise,
      rewardScale: values["reward-scale"],
    });
    const { seed, width, depth, threads } = values;
    const value = await whileReading("adapt", () => buildValue(environment, { width, depth, threads, seed }));
    try {
      await adapt({ modelId, rewardId, environment, value, values, args }, io);
    } finally {
      await value.network.dispose();
    }
  },
};

/** An adaptation, read from the command line. */
interface Adaptation {
  readonly modelId: string;
  readonly rewardId: string;
  readonly environment: AnyEnvironment;
  readonly value: ValueNetwork<AnyData, object>;
  readonly values: Values<typeof allOptions>;
  readonly args: readonly string[];
}

/** Trains, measures, and writes the report. */
async function adapt({ modelId, rewardId, environment, value, values, args }: Adaptation, io: Io): Promise<void> {
  const { seed, width, depth, threads, target, iterations, count } = values;
  const lookAhead = !values["no-look-ahead"];
  const { network } = value;
  const method = new ValueMatching({
    environment,
    value,
    iterations,
    batchSize: values["batch-size"],
    learningRate: values["learning-rate"],
    target,
    lookAhead,
    seed,
  });
  const folder = outFolder(io, values.out ?? `diffusiongym-report/${slug(modelId)}-${slug(rewardId)}`);
  const runStorage = new FileStorage(join(folder, "run"));
  const typed = (words: readonly string[]): string => ["diffusiongym", "adapt", ...words].map(quoted).join(" ");
  const commandLine = typed(args);
  const continuation = typed(args.filter((arg) => arg !== "--fresh"));
  const parameters = network.parameters.size;
  io.stderr.write(
    `adapting ${modelId} to ${rewardId}, reward scale ${environment.rewardScale}: value matching, ` +
      `${iterations} iterations of ${values["batch-size"]} rollouts in ${environment.steps} steps, ${parameters} parameters\n`,
  );
  const shownFolder = shownPath(io, folder, "run");
  const training = await trainWithProgress({
    method,
    storage: runStorage,
    fresh: values.fresh,
    io,
    commandLine: continuation,
    shownFolder,
  });

  const started = performance.now();
  const exact = await exactAnswer(environment, modalityOf(modelId));
  const evaluation = await evaluateWithProgress(io, continuation, (onProgress) =>
    evaluate({ environment, value, lookAhead, count, seed, exact, signal: io.interrupted, onProgress }),
  );
  const finished: FinishedRun = {
    modelId,
    rewardId,
    environment,
    evaluation,
    rows: evaluationRows(evaluation, exact),
    exact,
    learning: await readLearningCurve(runStorage),
    commandLine,
    seed,
    settings: {
      iterations,
      "batch size": values["batch-size"],
      steps: environment.steps,
      "learning rate": values["learning-rate"],
      target,
      "look-ahead": lookAhead,
      "value network": `${depth} hidden layers of width ${width}, ${parameters} parameters`,
      threads,
    },
    seconds: { training, evaluation: (performance.now() - started) / 1000 },
    network: network.save(),
  };
  const files = await writeReport(finished, new FileStorage(folder));
  print(
    finished,
    files.map((name) => shownPath(io, folder, name)),
    values.json,
    io,
  );
}

async function evaluateWithProgress<T>(
  io: Io,
  commandLine: string,
  work: (onProgress: (part: string, done: number, total: number) => void) => Promise<T>,
): Promise<T> {
  let progress: Progress | undefined;
  try {
    return await work((part, done, total) => {
      progress ??= new Progress(io.stderr, { label: "evaluating", total, unit: "samples" });
      progress.update(done, part);
    });
  } catch (error) {
    if (isErrorNamed(error, "AbortError")) {
      progress?.end();
      throw new Interruption(
        `Interrupted in the evaluation. The training is complete and kept; go on from there with:\n  ${commandLine}`,
      );
    }
    throw error;
  } finally {
    progress?.end();
  }
}

function print(run: FinishedRun, files: readonly string[], json: boolean, io: Io): void {
  if (json) {
    io.stdout.write(`${JSON.stringify({ ...summaryOf(run), files })}\n`);
    return;
  }
  const { bold, dim } = styleFor(io.stdout, io.environment);
  const columns = columnsOf(io.stdout);
  const rows = run.rows.filter(({ reportOnly }) => !reportOnly);
  const trained = run.seconds.training === 0 ? "Trained before" : `Trained in ${duration(run.seconds.training)}`;
  io.stdout.write(
    [
      "",
      textTable(rows, bold),
      "",
      ...wrap(tableCaption({ ...run, rows }), columns).map(dim),
      "",
      dim(renderSection({ title: "What the rows mean", rows: meaningsOf(rows) }, columns)),
      "",
      dim(`${trained}, evaluated in ${duration(run.seconds.evaluation)}.`),
      `Report: ${files[0]}`,
      "",
    ].join("\n"),
  );
}

/** `toy/gmm2d` as part of a folder's name: `gmm2d`. */
function slug(id: string): string {
  return (id.split("/")[1] ?? id).replaceAll(/[^\w.-]/g, "-");
}

/** An argument as a shell takes it. */
function quoted(argument: string): string {
  return /^[\w@%+=:,./-]+$/.test(argument) ? argument : `'${argument.replaceAll("'", "'\\''")}'`;
}

const helpTexts = {
  usage: "diffusiongym adapt MODEL REWARD [options]",
  summary:
    "Adapts a base model to a reward by value matching, measures the model before and after, and writes a report with pictures. " +
    "A run that was stopped goes on where it was.",
  sections: { Options: adaptOptions, Training: trainingOptions },
  examples: [
    "diffusiongym adapt toy/gmm2d toy/linear",
    "diffusiongym adapt toy/gmm toy/quadratic --reward.center '[2]' --iterations 400 --out bumps",
  ],
  notes: [
    "Files in the folder: report.html and its pictures as SVG, summary.json, value.onnx (the trained value network), and run/ with the checkpoint and metrics.jsonl.",
  ],
};
