import type { Presentation } from "@diffusiongym/core";
import { type CatalogueEntry, FileStorage } from "@diffusiongym/methods";
import type { Evaluation, Row } from "../evaluation/index.js";
import type { AnyEnvironment, ExactAnswer } from "../exact/index.js";
import { modalityOf } from "../parts/index.js";
import { type Figure, figureSvg } from "../plot/index.js";
import {
  grouped,
  type LearningPoint,
  learningFigure,
  type PathGroup,
  type PointGroup,
  pathFigure,
  renderPage,
  sampleFigure,
} from "../report/index.js";
import { writePresentation } from "./present.js";
import { versions } from "./versions.js";

/** A finished run, for its report. */
export interface FinishedRun {
  readonly modelId: string;
  readonly rewardId: string;
  readonly method: Pick<CatalogueEntry, "name" | "title" | "convergesTo">;
  readonly environment: AnyEnvironment;
  readonly evaluation: Evaluation;
  readonly rows: readonly Row[];
  readonly exact: ExactAnswer | undefined;
  readonly learning: readonly LearningPoint[];
  /** The samples of both models as their modality shows them. */
  readonly presentation: Presentation;
  readonly commandLine: string;
  readonly seed: number;
  /** Settings of the training, for the details. */
  readonly settings: Readonly<Record<string, string | number | boolean>>;
  /** Seconds of training and of evaluation in this call. */
  readonly seconds: { readonly training: number; readonly evaluation: number };
  /** The trained network as ONNX, if there is one. */
  readonly network: { readonly name: string; readonly bytes: Uint8Array } | undefined;
}

/**
 * Writes the report, its pictures, the summary and the network; each appears as a whole or not at all.
 * @returns names of the files, the report first
 */
export async function writeReport(run: FinishedRun, folder: string): Promise<string[]> {
  const storage = new FileStorage(folder);
  const figures = await figuresOf(run);
  const encoder = new TextEncoder();
  const files: [string, Uint8Array][] = [
    ["report.html", encoder.encode(renderPage(pageOf(run, figures)))],
    ...figures.map((figure): [string, Uint8Array] => [`${figure.name}.svg`, encoder.encode(`${figureSvg(figure)}\n`)]),
    ["summary.json", encoder.encode(`${JSON.stringify(summaryOf(run), null, 2)}\n`)],
    ...(run.network === undefined ? [] : [[run.network.name, run.network.bytes] satisfies [string, Uint8Array]]),
  ];
  for (const [name, bytes] of files) {
    await storage.write(name, bytes);
  }
  return [...files.map(([name]) => name), ...(await writePresentation(run.presentation.files, folder))];
}

/** What programs want to know of a run: the content of `summary.json`, and what `--json` prints. */
export function summaryOf(run: FinishedRun): Record<string, unknown> {
  const { modelId, rewardId, environment, rows, evaluation, commandLine, seed, settings, seconds } = run;
  return {
    command: "adapt",
    model: modelId,
    reward: rewardId,
    method: run.method.name,
    rewardScale: environment.rewardScale,
    seed,
    samples: evaluation.count,
    results: Object.fromEntries(
      rows.map(({ key, name, unit, base, adapted, exact }) => [key, { name, unit, base, adapted, exact }]),
    ),
    settings,
    seconds,
    commandLine,
    versions: versions(modalityOf(modelId)),
    spec: environment.spec,
  };
}

/** What the numbers of the table are. */
export function tableCaption({ evaluation, environment, exact, rows }: FinishedRun): string {
  const { target } = evaluation;
  return (
    `${grouped(evaluation.count)} samples of each model, ${evaluation.adapted.klPath === undefined ? "the base model's " : ""}by the SDE in ${environment.steps} steps; ± is the standard error` +
    `${exact === undefined ? "" : `. Exact: the target p(x) exp(λr(x))/Z${rows.every(({ key }) => key !== "sliced_wasserstein") || target === undefined ? "" : "; the distance of its own samples to others is chance"}`}.`
  );
}

async function figuresOf(run: FinishedRun): Promise<Figure[]> {
  const { evaluation, environment, exact, learning, modelId } = run;
  const { base, adapted, target } = evaluation;
  const figures: Figure[] = [];
  if (base.points && adapted.points && base.points.data.length > 0) {
    const groups: PointGroup[] = [
      { role: "base", title: `base: ${modelId}`, points: base.points },
      { role: "adapted", title: "adapted", points: adapted.points },
      ...(target ? [{ role: "exact" as const, title: "exact target", points: target.points }] : []),
    ];
    figures.push(await sampleFigure({ groups, environment, exact }));
  }
  if (base.paths && adapted.paths) {
    const groups: PathGroup[] = [
      { role: "base", title: "base", paths: base.paths },
      { role: "adapted", title: "adapted", paths: adapted.paths },
    ];
    figures.push(pathFigure(groups));
  }
  if (learning.some(({ reward, klPath }) => reward !== undefined || klPath !== undefined)) {
    const baseReward = exact?.baseReward ?? base.reward?.value;
    figures.push(learningFigure(learning, { baseReward, exact }));
  }
  return figures;
}

function pageOf(run: FinishedRun, figures: readonly Figure[]) {
  const { modelId, rewardId, environment, rows, exact, commandLine, seed, settings, seconds } = run;
  return {
    title: `${modelId} adapted to ${rewardId}`,
    introduction: [
      `The base model ${modelId}, with the law p(x), has been adapted to the reward ${rewardId}, r(x), by ${run.method.title}. ` +
        `The target, or tilt, is the law p(x) exp(λ r(x)) / Z with λ = ${environment.rewardScale}: the law that maximises λ E[r] − KL to the base model.`,
      `What ${run.method.title} converges to: ${run.method.convergesTo}.`,
      exact === undefined
        ? "No exact answer is known for this pair; the table compares the adapted model with the base model."
        : "For this pair the target is known exactly, so that the adapted model can be held against it.",
    ],
    tableCaption: tableCaption(run),
    rows,
    figures,
    presented: run.presentation.figures,
    details: [
      ["command", commandLine],
      ["seed", String(seed)],
      ...Object.entries(settings).map(([name, value]) => [name, String(value)] as const),
      ["training", `${seconds.training.toFixed(1)} s in this call`],
      ["evaluation", `${seconds.evaluation.toFixed(1)} s`],
      ...Object.entries(versions(modalityOf(modelId))),
    ] as const,
    spec: environment.spec,
  };
}
