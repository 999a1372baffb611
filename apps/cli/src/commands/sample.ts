import { type AnyData, isErrorNamed, modalityKit, type Sample } from "@diffusiongym/core";
import { FileStorage } from "@diffusiongym/methods";
import { choice, integer, parseArguments, UsageError } from "../arguments/index.js";
import { asPoints, meanOf, rollOut, shownPathCount, suitableCount } from "../evaluation/index.js";
import { type AnyEnvironment, exactAnswer } from "../exact/index.js";
import { modalityOf } from "../parts/index.js";
import { figureSvg } from "../plot/index.js";
import { fixed, grouped, sampleFigure } from "../report/index.js";
import { duration, type Io, Progress } from "../terminal/index.js";
import type { Command } from "./command.js";
import { buildEnvironment, idsGiven, importParts } from "./environment.js";
import { environmentHelp } from "./help.js";
import { Interruption } from "./interruption.js";
import { commonOptions, environmentOptions } from "./options.js";
import { outFolder, shownPath } from "./out-folder.js";
import { presentSamples, writePresentation } from "./present.js";
import { sampleFormats, samplesAsCsv, samplesAsJson } from "./sample-file.js";

const samplingOptions = {
  count: integer(
    undefined,
    { least: 0 },
    { description: "Number of samples", short: "n", shownDefault: "1000, or 128 where a sample is large" },
  ),
  steps: integer(undefined, { least: 1 }, { description: "Steps of the SDE", shownDefault: "50" }),
  "batch-size": integer(
    undefined,
    { least: 1 },
    {
      description: "Samples computed at once; changes no number",
      shownDefault: "by the size of a sample",
    },
  ),
  format: choice(sampleFormats, "json", "Format of the samples' file"),
  ...environmentOptions,
};

/** `diffusiongym sample`: draws from a base model. */
export const sampleCommand: Command = {
  name: "sample",
  summary: "Draw samples from a base model and judge them by a reward",
  async run(args, io) {
    const { positionals, values, model, reward } = parseArguments({ ...samplingOptions, ...commonOptions }, args, true);
    const [modelId, rewardId = "any/zero"] = positionals;
    if (values.help) {
      await importParts([], values.import, io.folder);
      io.stdout.write(await environmentHelp({ ...helpTexts, modelId, rewardId: positionals[1] }, io));
      return;
    }
    if (modelId === undefined || positionals.length > 2) {
      throw new UsageError(
        `sample takes a model and at most one reward, but ${idsGiven(positionals.length)}.`,
        "sample",
      );
    }
    await importParts([modelId, rewardId], values.import, io.folder);
    const environment = await buildEnvironment({
      command: "sample",
      modelId,
      rewardId,
      model,
      reward,
      steps: values.steps,
      defaultSteps: 50,
      timeGrid: values["time-grid"],
      allowExpansiveGrid: values["allow-expansive-grid"],
      noise: values.noise,
      rewardScale: values["reward-scale"],
    });
    const count = values.count ?? (await suitableCount(environment, 1000));
    const progress = new Progress(io.stderr, { label: "sampling", total: count, unit: "samples" });
    const started = performance.now();
    const draw = { seed: values.seed, batchSize: values["batch-size"], signal: io.interrupted };
    const sample = await rollOut(environment, { ...draw, n: count, onProgress: (done) => progress.update(done) })
      .catch((error: unknown) => {
        throw isErrorNamed(error, "AbortError") ? new Interruption("Interrupted; no samples were written.") : error;
      })
      .finally(() => progress.end());
    // The way from noise to sample, where the modality can show it: the same samples again, because their states were not kept.
    const paths = async () =>
      count === 0 || modalityKit(modelId).present === undefined
        ? undefined
        : rollOut(environment, { ...draw, n: Math.min(count, shownPathCount), record: ["trajectory"] });
    const seconds = (performance.now() - started) / 1000;
    const content = values.format === "csv" ? samplesAsCsv(sample) : undefined;
    const data = samplesAsJson(sample);
    const summary = { command: "sample", model: modelId, reward: rewardId, ...sample.toJSON(), spec: environment.spec };
    const folder = values.out === undefined ? undefined : outFolder(io, values.out);
    const names =
      folder === undefined
        ? []
        : await writeSamples({ modelId, rewardId, environment, sample, paths: await paths(), folder }, io, {
            name: `samples.${values.format}`,
            text: content ?? `${JSON.stringify({ ...summary, ...data })}\n`,
          });
    const files = names.map((name) => shownPath(io, folder!, name));
    if (values.json) {
      // With a folder the samples are in its file; printing them twice would only be slow.
      const printed = values.out === undefined ? { ...summary, ...data, files } : { ...summary, files };
      io.stdout.write(`${JSON.stringify(printed)}\n`);
      return;
    }
    const mean = meanOf(sample.rewards, sample.valids);
    const valid = sample.valids.reduce((sum, flag) => sum + flag, 0);
    io.stdout.write(
      [
        `${grouped(sample.length)} samples of ${modelId} in ${environment.steps} steps, ${duration(seconds)}`,
        ...(rewardId === "any/zero" || mean === undefined
          ? []
          : [
              `reward ${rewardId}: ${fixed(mean.value, 4)} ± ${fixed(mean.error ?? 0, 4)} (mean ± standard error), ${grouped(valid)} valid`,
            ]),
        ...(values.out === undefined
          ? ["--out DIR writes them to a file, --json prints them."]
          : files.map((file) => `wrote ${file}`)),
        "",
      ].join("\n"),
    );
  },
};

/** What `sample --out` writes. */
interface SampleOutput {
  readonly modelId: string;
  readonly rewardId: string;
  readonly environment: AnyEnvironment;
  readonly sample: Sample<AnyData, object>;
  readonly paths: Sample<AnyData, object> | undefined;
  readonly folder: string;
}

/** Writes the samples as numbers and, where somebody can show them, as pictures. @returns names of the files */
async function writeSamples(
  { modelId, rewardId, environment, sample, paths, folder }: SampleOutput,
  io: Io,
  { name, text }: { readonly name: string; readonly text: string },
): Promise<string[]> {
  const storage = new FileStorage(folder);
  const names = [name];
  await storage.write(name, new TextEncoder().encode(text));
  const points = asPoints(sample.sample);
  if (points !== undefined && points.data.length > 0) {
    const exact = await exactAnswer(environment, modalityOf(modelId));
    const groups = [{ role: "base", title: modelId, points }] as const;
    const figure = figureSvg(await sampleFigure({ groups, environment, exact }));
    await storage.write("samples.svg", new TextEncoder().encode(figure));
    names.push("samples.svg");
  }
  const groups = [{ role: "base", title: modelId, samples: sample, paths }] as const;
  const { files } = await presentSamples({ modelId, rewardId, environment, groups }, io);
  return [...names, ...(await writePresentation(files, folder))];
}

const helpTexts = {
  usage: "diffusiongym sample MODEL [REWARD] [options]",
  summary: "Draws samples from a base model by its SDE and judges them by a reward (any/zero if none is named).",
  sections: { Options: samplingOptions },
  examples: [
    "diffusiongym sample toy/gmm2d toy/linear -n 5000 --out samples",
    "diffusiongym sample toy/gmm --model.means '[-1, 1]' --json",
  ],
};
