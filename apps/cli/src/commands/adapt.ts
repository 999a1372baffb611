import { join } from "node:path";
import { parseArgs } from "node:util";
import { type AnyData, isErrorNamed } from "@diffusiongym/core";
import { type CatalogueEntry, FileStorage, type KnobValues, type MadeMethod } from "@diffusiongym/methods";
import type { Network } from "@diffusiongym/nn";
import {
  configArguments,
  flag,
  integer,
  type Options,
  parseArguments,
  readConfigFile,
  renderSection,
  text,
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
import {
  defaultMethod,
  methodKnobs,
  methodNamed,
  methodOptions,
  type networkOptions,
  type policyOptions,
} from "./method-options.js";
import { buildPolicy, buildValue } from "./networks.js";
import { commonOptions, environmentOptions } from "./options.js";
import { outFolder, shownPath } from "./out-folder.js";
import { readLearningCurve, trainWithProgress } from "./training.js";

const adaptOptions = {
  method: text({
    description: "How to adapt; `diffusiongym methods` lists them",
    placeholder: "NAME",
    shownDefault: defaultMethod,
  }),
  config: text({
    description: "JSON file of settings, by the options' names in camel case; what is typed wins",
    placeholder: "FILE",
  }),
  ...environmentOptions,
  steps: integer(
    undefined,
    { least: 1 },
    { description: "Steps of the SDE, in training and evaluation", shownDefault: "32" },
  ),
  out: { ...environmentOptions.out, shownDefault: "diffusiongym-report/MODEL-REWARD" },
  fresh: flag("Start anew instead of continuing the run in the folder"),
  count: integer(20_000, { least: 1 }, { description: "Samples of each model for the evaluation", short: "n" }),
};

const fixedOptions = { ...adaptOptions, ...commonOptions };

/** What a config file does not set. */
const typedOnly = ["config", "fresh", ...Object.keys(commonOptions)];

/** Values of all options; those of the networks only where the method trains them. */
type AdaptValues = Values<typeof fixedOptions> &
  Partial<Values<typeof networkOptions> & Values<typeof policyOptions>> & { readonly [knob: string]: unknown };

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
    const built = await whileReading("adapt", () => buildMethod(entry, { environment, values, knobs }));
    try {
      await adapt({ modelId, rewardId, environment, entry, knobs, built, values, args }, io);
    } finally {
      for (const { network } of built.networks) {
        await network.dispose();
      }
    }
  },
};

/** The method that was typed or is in the config file, and that file's settings as arguments. */
async function chooseMethod(args: readonly string[], io: Io): Promise<{ entry: CatalogueEntry; settings: string[] }> {
  const { values } = parseArgs({
    args: [...args],
    options: { method: { type: "string" }, config: { type: "string" } },
    strict: false,
  });
  const file = typeof values.config === "string" ? await readConfigFile(values.config, io.folder) : undefined;
  const named = values.method ?? file?.settings.method;
  const entry = methodNamed(typeof named === "string" ? named : defaultMethod);
  const known = Object.entries({ ...fixedOptions, ...methodOptions(entry) }).filter(
    ([name]) => !typedOnly.includes(name),
  );
  return { entry, settings: file === undefined ? [] : configArguments(file, Object.fromEntries(known)) };
}

/** A method with the networks that it trains; the first is the one worth keeping. */
interface BuiltMethod extends MadeMethod<AnyData, object> {
  readonly networks: readonly { readonly network: Network; readonly name: string; readonly description: string }[];
}

async function buildMethod(
  entry: CatalogueEntry,
  { environment, values, knobs }: { environment: AnyEnvironment; values: AdaptValues; knobs: KnobValues },
): Promise<BuiltMethod> {
  const { seed, width = 64, depth = 3, threads = 1 } = values;
  const { trainable = "auto", "lora-rank": loraRank = 8, "residual-scale": residualScale = "one" } = values;
  const networks: { network: Network; name: string; description: string }[] = [];
  const made = await entry.make<AnyData, object>(
    {
      environment,
      seed,
      async policy() {
        const settings = { width, depth, threads, seed, trainable, loraRank, residualScale };
        const { policy, network, description } = await buildPolicy(environment, settings);
        networks.push({ network, name: "policy", description });
        return policy;
      },
      async value(name) {
        const value = await buildValue(environment, { width, depth, threads, seed }, name);
        networks.push({ network: value.network, name, description: `${depth} hidden layers of width ${width}` });
        return value;
      },
    },
    knobs,
  );
  return { ...made, networks };
}

/** An adaptation, read from the command line. */
interface Adaptation {
  readonly modelId: string;
  readonly rewardId: string;
  readonly environment: AnyEnvironment;
  readonly entry: CatalogueEntry;
  readonly knobs: KnobValues;
  readonly built: BuiltMethod;
  readonly values: AdaptValues;
  readonly args: readonly string[];
}

/** Trains, measures, and writes the report. */
async function adapt(adaptation: Adaptation, io: Io): Promise<void> {
  const { modelId, rewardId, environment, entry, built, values, args } = adaptation;
  const { seed, count } = values;
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
  const { adapted, value } = built;
  const evaluation = await evaluateWithProgress(io, continuation, (onProgress) =>
    evaluate({ environment, adapted, value, count, seed, exact, signal: io.interrupted, onProgress }),
  );
  const finished: FinishedRun = {
    modelId,
    rewardId,
    method: entry,
    environment,
    evaluation,
    rows: evaluationRows(evaluation, exact),
    exact,
    learning: method === undefined ? [] : await readLearningCurve(runStorage),
    commandLine,
    seed,
    settings: settingsOf(adaptation),
    seconds: { training, evaluation: (performance.now() - started) / 1000 },
    network: trainedNetwork(built),
  };
  const files = await writeReport(finished, new FileStorage(folder));
  print(
    finished,
    files.map((name) => shownPath(io, folder, name)),
    values.json,
    io,
  );
}

/** What is about to be done, in words. */
function workOf({ entry, built, environment, values }: Adaptation): string {
  if (built.method === undefined) {
    return `${entry.title}, nothing is trained`;
  }
  const parameters = built.networks.reduce((sum, { network }) => sum + network.parameters.size, 0);
  const batch = values["batch-size"] ?? entry.knobs.batchSize?.default;
  const kind = entry.name === defaultMethod ? "rollouts" : "samples";
  return `${entry.title}, ${built.method.iterations} iterations of ${batch} ${kind} in ${environment.steps} steps, ${parameters} parameters`;
}

/** The settings of a run, for its report. */
function settingsOf({ entry, knobs, built, environment, values }: Adaptation): FinishedRun["settings"] {
  const shown = Object.entries(entry.knobs).map(([name, { default: initial, shownDefault }]) => {
    const value = knobs[name] ?? initial ?? shownDefault ?? "default";
    return [wordsOf(name), Array.isArray(value) ? value.join(", ") : (value as string | number | boolean)] as const;
  });
  const networks = built.networks.map(
    ({ name, network, description }) =>
      [`${wordsOf(name)} network`, `${description}, ${network.parameters.size} parameters`] as const,
  );
  return {
    method: entry.name,
    steps: environment.steps,
    ...Object.fromEntries([...shown, ...networks]),
    ...(networks.length > 0 && { threads: values.threads ?? 1 }),
  };
}

/** `batchSize` as `batch size`. */
function wordsOf(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
}

/** What was trained, as ONNX, with the parameters that sample. */
function trainedNetwork({ adapted, networks }: BuiltMethod): FinishedRun["network"] {
  const [trained] = networks;
  if (trained === undefined) {
    return undefined;
  }
  const network =
    adapted.kind === "policy" ? trained.network.withParameters(adapted.policy.parameters) : trained.network;
  return { name: `${trained.name}.onnx`, bytes: network.save() };
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
