import {
  type Figure,
  figureSvg,
  type LabelledPoint,
  labelledDots,
  line,
  type Panel,
  type Point,
} from "../plot/index.js";
import { budgetText } from "./budget.js";
import type { Budget, ExactFacts } from "./job.js";
import { familyLegend, roleOf, shortName } from "./names.js";
import type { ComparisonProblem } from "./problem.js";
import type { Summary } from "./summary.js";

/** What a figure shows. */
export interface FrontierFigureOptions {
  readonly problem: ComparisonProblem;
  readonly budget: Budget;
  readonly exact: ExactFacts;
  /** Those of the problem and the budget. */
  readonly summaries: readonly Summary[];
}

const panelWidth = 470;

/**
 * Reward against KL to the base model, beside the exact frontier: no law of that KL has a larger mean reward. Left the SDE with its
 * path KL, which bounds the KL of its samples from above; right the ODE with the KL of its density.
 */
export function frontierFigure({ problem, budget, exact, summaries }: FrontierFigureOptions): Figure {
  const laws = [
    { title: "SDE", label: "path KL to the base model [nats]", kl: "kl_path", reward: "reward_sde" },
    { title: "ODE", label: "KL of the samples to the base model [nats]", kl: "kl_to_base_ode", reward: "reward_ode" },
  ] as const;
  const span = exact.reward - exact.baseReward;
  const domains = {
    x: [-0.04 * exact.kl, 2 * exact.kl] as const,
    y: [exact.baseReward - 0.12 * span, exact.reward + 0.5 * span] as const,
  };
  const frontier = exact.frontier.map(({ kl, reward }): Point => [kl, reward]);
  const outside: string[] = [];
  const panels = laws.map(({ title, label, kl, reward }): Panel => {
    const points = summaries.flatMap((summary): LabelledPoint[] => {
      const [x, y] = [summary.numbers[kl]?.mean, summary.numbers[reward]?.mean];
      if (x === undefined || y === undefined) {
        return [];
      }
      if (x > domains.x[1] || y > domains.y[1] || y < domains.y[0]) {
        outside.push(`${shortName(summary.method)} (${title}: KL ${short(x)}, reward ${short(y)})`);
      }
      return [{ at: [x, y], label: shortName(summary.method), role: roleOf(summary.method) }];
    });
    return {
      title,
      x: { label, domain: domains.x },
      y: { label: "mean reward", domain: domains.y },
      width: panelWidth,
      marks: [
        line(frontier, { role: "exact", width: 1.6 }),
        labelledDots([{ at: [exact.kl, exact.reward], label: "exact tilt", role: "exact" }, ...points]),
      ],
    };
  });
  const caption =
    "Each dot is the mean over the seeds. The line is the exact frontier, the largest mean reward at each KL. Samplers without paths " +
    `are not shown.${outside.length === 0 ? "" : ` Outside the frame: ${outside.join(", ")}.`}`;
  return {
    name: `${problem.name}-${budget.kind}`,
    title: `${problem.title}: ${budgetText(budget)}`,
    caption,
    legend: [
      ...familyLegend().flatMap(({ role, label }) =>
        role === "sampler" ? [] : [{ role, label, sample: "dot" as const }],
      ),
      { role: "exact", label: "exact frontier", sample: "line" },
    ],
    panels,
  };
}

/** The figure as a file. */
export function frontierSvg(options: FrontierFigureOptions): {
  readonly name: string;
  readonly svg: string;
  readonly caption: string;
} {
  const figure = frontierFigure(options);
  return { name: `${figure.name}.svg`, svg: figureSvg(figure), caption: figure.caption };
}

function short(value: number): string {
  return String(Number(value.toPrecision(3))).replace("-", "−");
}
