import {
  type Figure,
  type LabelledPoint,
  labelledDots,
  line,
  type Mark,
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

/** Half of the close-up's sides, as shares of the exact KL and of what there is to gain in reward. */
const closeKl = 0.2;
const closeReward = 0.14;
/** A close-up is drawn for so many points, which the large picture then leaves without names. */
const worthLookingAt = 4;

const laws = [
  { title: "SDE", label: "path KL to the base model [nats]", kl: "kl_path", reward: "reward_sde" },
  { title: "ODE", label: "KL of the samples to the base model [nats]", kl: "kl_to_base_ode", reward: "reward_ode" },
] as const;

type Law = (typeof laws)[number];

/** A part of the plane of KL and reward. */
interface View {
  readonly x: readonly [number, number];
  readonly y: readonly [number, number];
}

/**
 * Reward against KL to the base model, beside the exact frontier: no law of that KL has a larger mean reward. Left the SDE with its
 * path KL, which bounds the KL of its samples from above; right the ODE with the KL of its density. The second figure, where there
 * is one, is a close-up around the exact tilt.
 */
export function frontierFigures(options: FrontierFigureOptions): Figure[] {
  const { problem, budget, exact } = options;
  const gain = exact.reward - exact.baseReward;
  const whole: View = {
    x: [-0.04 * exact.kl, 2 * exact.kl],
    y: [exact.baseReward - 0.12 * gain, exact.reward + 0.5 * gain],
  };
  const close: View = {
    x: [(1 - closeKl) * exact.kl, (1 + closeKl) * exact.kl],
    y: [exact.reward - closeReward * gain, exact.reward + closeReward * gain],
  };
  const near = laws.flatMap((law) => pointsOf(options, law).filter(({ at }) => inside(at, close)));
  const hasCloseUp = near.length >= worthLookingAt;
  const outside = laws.flatMap((law) =>
    pointsOf(options, law)
      .filter(({ at }) => !inside(at, whole))
      .map(({ at: [kl, reward], label }) => `${label} (${law.title}: KL ${short(kl)}, reward ${short(reward)})`),
  );
  const shared = {
    title: `${problem.title}: ${budgetText(budget)}`,
    legend: [
      ...familyLegend().flatMap(({ role, label }) =>
        role === "sampler" ? [] : [{ role, label, sample: "dot" as const }],
      ),
      { role: "exact" as const, label: "exact frontier", sample: "line" as const },
    ],
  };
  const name = `${problem.name}-${budget.kind}`;
  const figure: Figure = {
    ...shared,
    name,
    caption:
      "Each dot is the mean over the seeds. The line is the exact frontier, the largest mean reward at each KL. Samplers without paths " +
      `are not shown.${hasCloseUp ? " Dots in the frame have their names in the close-up." : ""}` +
      (outside.length === 0 ? "" : ` Outside the picture: ${outside.join(", ")}.`),
    panels: laws.map((law) => panelOf(options, law, { view: whole, framed: hasCloseUp ? close : undefined })),
  };
  const closeUp: Figure = {
    ...shared,
    name: `${name}-close`,
    caption: "The same, close to the exact tilt.",
    panels: laws.map((law) => panelOf(options, law, { view: close, framed: undefined })),
  };
  return hasCloseUp ? [figure, closeUp] : [figure];
}

function inside([x, y]: Point, view: View): boolean {
  return x >= view.x[0] && x <= view.x[1] && y >= view.y[0] && y <= view.y[1];
}

function pointsOf({ summaries }: FrontierFigureOptions, { kl, reward }: Law): LabelledPoint[] {
  return summaries.flatMap(({ method, numbers }) => {
    const [x, y] = [numbers[kl]?.mean, numbers[reward]?.mean];
    return x === undefined || y === undefined
      ? []
      : [{ at: [x, y] as const, label: shortName(method), role: roleOf(method) }];
  });
}

/** One law in one view; what lies in the framed part has its name elsewhere. */
function panelOf(
  options: FrontierFigureOptions,
  law: Law,
  { view, framed }: { readonly view: View; readonly framed: View | undefined },
): Panel {
  const { exact } = options;
  const frontier = exact.frontier.map(({ kl, reward }): Point => [kl, reward]);
  const points = pointsOf(options, law).map((point) =>
    framed !== undefined && inside(point.at, framed) ? { ...point, label: "" } : point,
  );
  const target: LabelledPoint = { at: [exact.kl, exact.reward], label: "exact tilt", role: "exact" };
  return {
    title: law.title,
    x: { label: law.label, domain: view.x },
    y: { label: "mean reward", domain: view.y },
    width: panelWidth,
    marks: [
      line(frontier, { role: "exact", width: 1.6 }),
      ...(framed === undefined ? [] : [outline(framed)]),
      labelledDots([target, ...points]),
    ],
  };
}

function outline({ x: [left, right], y: [low, high] }: View): Mark {
  const corners: Point[] = [
    [left, low],
    [right, low],
    [right, high],
    [left, high],
    [left, low],
  ];
  return line(corners, { role: "exact", width: 0.8, opacity: 0.5, dash: "3 3" });
}

function short(value: number): string {
  return String(Number(value.toPrecision(3))).replace("-", "−");
}
