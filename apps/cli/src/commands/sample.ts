import { isErrorNamed } from "@diffusiongym/core";
import { FileStorage } from "@diffusiongym/methods";
import { choice, integer, parseArguments, UsageError } from "../arguments/index.js";
import { asPoints, meanOf, rollOut } from "../evaluation/index.js";
import { exactAnswer } from "../exact/index.js";
import { modalityOf } from "../parts/index.js";
import { figureSvg } from "../plot/index.js";
import { fixed, grouped, sampleFigure } from "../report/index.js";
import { duration, Progress } from "../terminal/index.js";
import type { Command } from "./command.js";
import { buildEnvironment, idsGiven, importParts } from "./environment.js";
import { environmentHelp } from "./help.js";
import { Interruption } from "./interruption.js";
import { commonOptions, environmentOptions } from "./options.js";
import { outFolder, shownPath } from "./out-folder.js";
import { sampleFormats, samplesAsCsv, samplesAsJson } from "./sample-file.js";

const samplingOptions = {
  count: integer(1000, { least: 0 }, { description: "Number of samples", short: "n" }),
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
    const progress = new Progress(io.stderr, { label: "sampling", total: values.count, unit: "samples" });
    const started = performance.now();
    const sample = await rollOut(environment, {
      n: values.count,
      seed: values.seed,
      batchSize: values["batch-size"],
      signal: io.interrupted,
      onProgress: (done) => progress.update(done),
    })
      .catch((error: unknown) => {
        throw isErrorNamed(error, "AbortError") ? new Interruption("Interrupted; no samples were written.") : error;
      })
      .finally(() => progress.end());
    const seconds = (performance.now() - started) / 1000;
    const content = values.format === "csv" ? samplesAsCsv(sample) : undefined;
    const data = samplesAsJson(sample);
    const summary = { command: "sample", model: modelId, reward: rewardId, ...sample.toJSON(), spec: environment.spec };
    const files: string[] = [];
    if (values.out !== undefined) {
      const folder = outFolder(io, values.out);
      const storage = new FileStorage(folder);
      const write = async (name: string, text: string): Promise<void> => {
        await storage.write(name, new TextEncoder().encode(text));
        files.push(shownPath(io, folder, name));
      };
      await write(`samples.${values.format}`, content ?? `${JSON.stringify({ ...summary, ...data })}\n`);
      const points = asPoints(sample.sample);
      if (points !== undefined && points.data.length > 0) {
        const exact = await exactAnswer(environment, modalityOf(modelId));
        const groups = [{ role: "base", title: modelId, points }] as const;
        await write("samples.svg", figureSvg(await sampleFigure({ groups, environment, exact })));
      }
    }
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

const helpTexts = {
  usage: "diffusiongym sample MODEL [REWARD] [options]",
  summary: "Draws samples from a base model by its SDE and judges them by a reward (any/zero if none is named).",
  sections: { Options: samplingOptions },
  examples: [
    "diffusiongym sample toy/gmm2d toy/linear -n 5000 --out samples",
    "diffusiongym sample toy/gmm --model.means '[-1, 1]' --json",
  ],
};
