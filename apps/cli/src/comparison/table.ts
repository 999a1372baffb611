import { budgetText } from "./budget.js";
import type { Comparison } from "./campaign.js";
import type { Budget, ExactFacts, Settings } from "./job.js";
import type { ComparisonProblem } from "./problem.js";
import { type Quantity, rankOf, type Spread, type Summary } from "./summary.js";

interface Column {
  readonly title: string;
  readonly quantity: Quantity;
  readonly show: (spread: Spread, exact: ExactFacts | undefined) => string;
}

const decimals =
  (count: number) =>
  ({ mean, deviation }: Spread): string =>
    deviation === undefined ? number(mean, count) : `${number(mean, count)} ± ${number(deviation, count)}`;

const scale = (spread: Spread, exact: ExactFacts | undefined): string => {
  const last = exact?.frontier.at(-1)?.rewardScale ?? Number.POSITIVE_INFINITY;
  return spread.mean >= last ? `≥ ${number(last, 1)}` : decimals(2)(spread);
};

const columns: readonly Column[] = [
  { title: "E r, SDE", quantity: "reward_sde", show: decimals(3) },
  { title: "E r, ODE", quantity: "reward_ode", show: decimals(3) },
  { title: "TV, SDE", quantity: "total_variation_sde", show: decimals(3) },
  { title: "TV, ODE", quantity: "total_variation_ode", show: decimals(3) },
  { title: "KL to tilt, ODE", quantity: "kl_to_tilt_ode", show: decimals(3) },
  { title: "λ, SDE", quantity: "lambda_sde", show: scale },
  { title: "λ, ODE", quantity: "lambda_ode", show: scale },
  { title: "path KL", quantity: "kl_path", show: decimals(2) },
  { title: "path ESS", quantity: "path_ess", show: decimals(3) },
  { title: "CPU s", quantity: "seconds", show: ({ mean }) => number(mean, 1) },
  { title: "MB", quantity: "peak_memory_mb", show: ({ mean }) => number(mean, 0) },
  { title: "reward calls", quantity: "reward_calls", show: ({ mean }) => number(mean, 0) },
  { title: "iterations", quantity: "iterations", show: ({ mean }) => (mean === 0 ? "" : number(mean, 0)) },
];

/** One table: the methods on a problem within a budget, the closest to the tilt first. */
export function comparisonTable(
  { facts, seeds }: Comparison,
  summaries: readonly Summary[],
  { problem, budget }: { readonly problem: ComparisonProblem; readonly budget: Budget },
): string {
  const exact = facts[problem.name];
  const own = summaries
    .filter((each) => each.problem === problem.name && sameBudget(each.budget, budget))
    .sort((a, b) => rankOf(a, exact) - rankOf(b, exact));
  const head = ["method", ...columns.map(({ title }) => title), "settings"];
  const rows = own
    .filter(({ status }) => status === "done")
    .map((summary) => {
      const { settings } = summary;
      const cells = columns.map(({ quantity, show }) => {
        const spread = summary.numbers[quantity];
        return spread === undefined ? "" : show(spread, exact);
      });
      const count = summary.seeds < seeds ? ` (${summary.seeds} of ${seeds} seeds)` : "";
      const mark = summary.note === undefined ? "" : " †";
      return [`${summary.method}${count}${mark}`, ...cells, settings === undefined ? "" : settingsText(settings)];
    });
  const exactRow =
    exact === undefined
      ? []
      : [
          [
            "**exact tilt**",
            ...columns.map(({ quantity }) => exactValue(quantity, exact, problem.rewardScale)),
            `base model: E r ${number(exact.baseReward, 3)}, ESS ${exact.baseEss.toPrecision(2)}`,
          ],
        ];
  const notes = own.flatMap(({ method, status, note }) =>
    note === undefined ? [] : [`- ${status === "done" ? "† " : ""}\`${method}\`: ${verb(status)}${oneLine(note)}`],
  );
  const missing = own.filter(({ status }) => status === "missing").map(({ method }) => `\`${method}\``);
  const lines = [...notes, ...(missing.length === 0 ? [] : [`- not run yet: ${missing.join(", ")}`])];
  return [
    `### ${problem.title}: ${budgetText(budget)}`,
    "",
    markdownTable([head, ...exactRow, ...rows]),
    ...(lines.length === 0 ? [] : ["", ...lines]),
  ].join("\n");
}

/** Two budgets that allow the same. */
export function sameBudget(a: Budget, b: Budget): boolean {
  return a.kind === b.kind && a.amount === b.amount;
}

/** Settings in one line: the grid, and the knobs that are not defaults. */
export function settingsText({ steps, residualScale, knobs }: Settings): string {
  const shown = Object.entries(knobs).map(
    ([name, value]) => `${name} ${typeof value === "number" ? short(value) : value}`,
  );
  return [`N ${steps}`, ...(residualScale === "one-minus-t" ? ["residual × (1 − t)"] : []), ...shown].join(", ");
}

function exactValue(quantity: Quantity, exact: ExactFacts, rewardScale: number): string {
  switch (quantity) {
    case "reward_sde":
    case "reward_ode":
      return number(exact.reward, 3);
    case "total_variation_sde":
    case "total_variation_ode":
    case "kl_to_tilt_ode":
      return "0";
    case "lambda_sde":
    case "lambda_ode":
      return String(rewardScale);
    case "kl_path":
      return number(exact.kl, 2);
    case "path_ess":
      return "1";
    default:
      return "";
  }
}

function verb(status: Summary["status"]): string {
  return { done: "", missing: "", refused: "cannot run here: ", failed: "failed: " }[status];
}

/** Rows of cells as Markdown, the first as the head. */
export function markdownTable([head = [], ...rows]: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
  return [line(head), `|${head.map(() => " --- |").join("")}`, ...rows.map(line)].join("\n");
}

function oneLine(text: string): string {
  const first = text.split("\n")[0] ?? "";
  return first.length > 260 ? `${first.slice(0, 257)}...` : first;
}

function number(value: number, count: number): string {
  return Math.abs(value) >= 1e5 ? value.toPrecision(2).replace("-", "−") : value.toFixed(count).replace("-", "−");
}

function short(value: number): string {
  return Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(3)));
}
