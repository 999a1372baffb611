import { cpus } from "node:os";
import { figureSvg } from "../plot/index.js";
import type { Comparison } from "./campaign.js";
import { frontierFigures } from "./frontier-figure.js";
import { summarize } from "./summary.js";
import { comparisonTable, sameBudget } from "./table.js";

/** Where and when a comparison was run. */
export interface Circumstances {
  readonly command: string;
  /** ISO date. */
  readonly date: string;
  readonly machine: string;
  readonly node: string;
}

/** Files of a finished comparison by name. */
export type ComparisonFiles = { readonly [name: string]: string };

/** This machine in words. */
export function thisMachine(): Pick<Circumstances, "machine" | "node"> {
  return {
    machine: `${cpus().length} cores, ${cpus()[0]?.model.trim() ?? "unknown"}, ${process.arch}`,
    node: process.version,
  };
}

/**
 * The report: tables and pictures, all numbers as JSON, and the settings that were chosen, which `--settings` takes up again.
 */
export function comparisonFiles(comparison: Comparison, circumstances: Circumstances): ComparisonFiles {
  const { problems, budgets, facts } = comparison;
  const summaries = summarize(comparison);
  const files: { [name: string]: string } = {};
  const sections: string[] = [];
  for (const problem of problems) {
    sections.push(`## ${problem.title}`);
    for (const budget of budgets) {
      sections.push(comparisonTable(comparison, summaries, { problem, budget }));
      const exact = facts[problem.name];
      if (exact !== undefined) {
        const own = summaries.filter((each) => each.problem === problem.name && sameBudget(each.budget, budget));
        for (const figure of frontierFigures({ problem, budget, exact, summaries: own })) {
          files[`${figure.name}.svg`] = `${figureSvg(figure)}\n`;
          sections.push(`![Reward against KL, ${problem.title}](${figure.name}.svg)\n\n${figure.caption}`);
        }
      }
    }
  }
  files["TABLES.md"] =
    `${["# Comparison of methods", introduction(comparison, circumstances), ...sections].join("\n\n")}\n`;
  files["results.json"] = `${JSON.stringify(resultsOf(comparison, circumstances, summaries), null, 1)}\n`;
  files["settings.json"] = `${JSON.stringify(comparison.chosen, null, 1)}\n`;
  return files;
}

/** All numbers, for programs. */
export function resultsOf(
  comparison: Comparison,
  circumstances: Circumstances,
  summaries = summarize(comparison),
): object {
  const { chosen: _, runs, ...rest } = comparison;
  const single = runs.map(({ settings: __, ...run }) => run);
  return { command: "compare", circumstances, ...rest, summaries, runs: single };
}

function introduction({ seeds, count, network, budgets }: Comparison, circumstances: Circumstances): string {
  const { command, date, machine, node } = circumstances;
  const { width, depth } = network;
  const budgetWords = budgets.map(({ kind, amount, seconds }) =>
    kind === "seconds"
      ? `${amount} CPU seconds of training`
      : `${amount} samples judged by the reward (methods whose calls do not grow with their iterations train for ${seconds} CPU seconds)`,
  );
  return [
    `\`${command}\` on ${machine}, Node ${node}, ${date}.`,
    `${seeds} seed${seeds === 1 ? "" : "s"}; ${count} samples of each law; networks of ${depth} hidden layers of width ${width}, ` +
      "added to the exact base model where a policy is trained. Every run is a process of its own with one thread. " +
      `Budgets: ${budgetWords.join("; ")}. Samplers train nothing: their seconds and calls are those of drawing the samples.`,
    "Every method is tried with three settings on a seed that is not among these, and runs with the best of them. ± is the standard " +
      "deviation over the seeds. E r: mean reward. TV: total variation by exact cell masses; its noise is about √(modes / samples) / 3. " +
      "λ: reward scale of the tilt with the same mean reward. Path KL and path ESS are those of the SDE on the grid of training. " +
      "A sampler has one law, which stands in the columns of the SDE. Rows are ordered by TV plus the error of E r in standard " +
      "deviations, the better of SDE and ODE.",
  ].join("\n\n");
}
