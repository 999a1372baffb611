import { join } from "node:path";
import { isErrorNamed, modalityKit } from "@diffusiongym/core";
import { FileStorage } from "@diffusiongym/methods";
import { type Options, parseArguments, renderSection, UsageError, whileReading, wrap } from "../arguments/index.js";
import { evaluate, evaluationRows, suitableCount } from "../evaluation/index.js";
import { exactAnswer } from "../exact/index.js";
import { modalityOf } from "../parts/index.js";
import { meaningsOf, textTable } from "../report/index.js";
import { columnsOf, duration, type Io, Progress, styleFor } from "../terminal/index.js";
import { type Adaptation, buildMethod, settingsOf, trainedNetwork, workOf } from "./adapt-method.js";
import { type AdaptValues, adaptOptions, chooseMethod, fixedOptions } from "./adapt-options.js";
import { type FinishedRun, summaryOf, tableCaption, writeReport } from "./adapt-report.js";
import type { Command } from "./command.js";
import { buildEnvironment, idsGiven, importParts } from "./environment.js";
import { environmentHelp } from "./help.js";
import { Interruption } from "./interruption.js";
import { defaultMethod, methodKnobs, methodOptions } from "./method-options.js";
import { outFolder, shownPath } from "./out-folder.js";
import { presentSamples } from "./present.js";
import { readLearningCurve, trainWithProgress } from "./training.js";

/** `diffusiongym adapt`: the main job. */
export const adaptCommand: Command = {
  name: "adapt",
  summary: "Adapt a base model to a reward, and report",
  async run(args, io) {
    const { entry, settings } = await chooseMethod(args, io);
    const ofMethod = methodOptions(entry);
    const parsed = parseArguments<Options>({ ...fixedOptions, ...ofMethod }, [...settings, ...args], true);
    const { positionals, model, reward } = parsed;
    const values = parsed.values as AdaptValues;
    const [modelId, rewardId] = positionals;
    if (values.help) {
      await importParts([], values.import, io.folder);
      const sections = { Options: adaptOptions, [`Options of ${entry.name}`]: ofMethod };
      io.stdout.write(await environmentHelp({ ...helpTexts, sections, modelId, rewardId }, io));
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
    const knobs = methodKnobs(entry, values);
    const built = await whileReading("adapt", () => buildMethod(entry, { modelId, environment, values, knobs }));
    try {
      await adapt({ modelId, rewardId, environment, entry, knobs, built, values, args }, io);
    } finally {
      for (const { network } of built.networks) {
        await network.dispose();
      }
    }
  },
};

/** Trains, measures, and writes the report. */
async function adapt(adaptation: Adaptation, io: Io): Promise<void> {
  const { modelId, rewardId, environment, entry, built, values, args } = adaptation;
  const { seed } = values;
  const suffix = entry.name === defaultMethod ? "" : `-${entry.name}`;
  const folder = outFolder(io, values.out ?? `diffusiongym-report/${slug(modelId)}-${slug(rewardId)}${suffix}`);
  const runStorage = new FileStorage(join(folder, "run"));
  const typed = (words: readonly string[]): string => ["diffusiongym", "adapt", ...words].map(quoted).join(" ");
  const commandLine = typed(args);
  const continuation = typed(args.filter((arg) => arg !== "--fresh"));
  io.stderr.write(
    `adapting ${modelId} to ${rewardId}, reward scale ${environment.rewardScale}: ${workOf(adaptation)}\n`,
  );
  const { method } = built;
  const training =
    method === undefined
      ? 0
      : await trainWithProgress({
          method,
          storage: runStorage,
          fresh: values.fresh,
          io,
          commandLine: continuation,
          shownFolder: shownPath(io, folder, "run"),
        });

  const started = performance.now();
  const exact = await exactAnswer(environment, modalityOf(modelId));
  const keepPaths = modalityKit(modelId).present !== undefined;
  const count = values.count ?? (await suitableCount(environment, 20_000));
  const { adapted, value } = built;
  const evaluation = await evaluateWithProgress(io, continuation, (onProgress) =>
    evaluate({ environment, adapted, value, count, seed, exact, keepPaths, signal: io.interrupted, onProgress }),
  );
  const { base, adapted: after } = evaluation;
  const groups = [
    { role: "base", title: `base: ${modelId}`, ...base.shown },
    { role: "adapted", title: `adapted by ${entry.title.toLowerCase()}`, ...after.shown },
  ] as const;
  const finished: FinishedRun = {
    modelId,
    rewardId,
    method: entry,
    environment,
    evaluation,
    rows: evaluationRows(evaluation, exact),
    exact,
    presentation: await presentSamples({ modelId, rewardId, environment, groups }, io),
    learning: method === undefined ? [] : await readLearningCurve(runStorage),
    commandLine,
    seed,
    settings: settingsOf(adaptation),
    seconds: { training, evaluation: (performance.now() - started) / 1000 },
    network: trainedNetwork(built),
  };
  const files = await writeReport(finished, folder);
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
  const nothing = run.learning.length === 0;
  const trained = nothing
    ? "Nothing was trained"
    : run.seconds.training === 0
      ? "Trained before"
      : `Trained in ${duration(run.seconds.training)}`;
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
    "Adapts a base model to a reward, measures the model before and after, and writes a report with pictures. " +
    "A run that was stopped goes on where it was.",
  examples: [
    "diffusiongym adapt toy/gmm2d toy/linear",
    "diffusiongym adapt toy/gmm toy/quadratic --reward.center '[2]' --iterations 400 --out bumps",
    "diffusiongym adapt toy/gmm2d toy/halfspace --method path-weighted-tilt-matching --steps 64",
    "diffusiongym adapt toy/gmm2d toy/linear --config settings.json",
  ],
  notes: [
    "--help after --method NAME shows that method's options; a boolean that is on by itself has the option --no-NAME, and the key NAME in a config file.",
    "Files in the folder: report.html and its pictures as SVG, summary.json, value.onnx or policy.onnx (the trained network), and run/ with the checkpoint and metrics.jsonl.",
  ],
};
