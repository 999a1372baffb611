import {
  dashOf,
  extent,
  type Figure,
  type LegendEntry,
  line,
  type Mark,
  type Panel,
  type Point,
  quantile,
  rule,
} from "../plot/index.js";

/** Metrics of one iteration, of which the curves are made. */
export interface LearningPoint {
  readonly iteration: number;
  /** Undefined where the method did not measure it in that iteration. */
  readonly reward: number | undefined;
  readonly klPath: number | undefined;
}

/** What the figure compares the curves with. */
export interface LearningReferences {
  /** Mean reward of the base model. */
  readonly baseReward: number | undefined;
  /** Mean reward and path KL at the exact optimum, where they are known. */
  readonly exact: { readonly reward: number; readonly klPath: number } | undefined;
}

/** Points of a curve: more are averaged, because no screen could show them. */
const curvePoints = 400;

/** The learning curves: reward and path KL over the iterations, with the exact optimum as a line. */
export function learningFigure(points: readonly LearningPoint[], { baseReward, exact }: LearningReferences): Figure {
  const rewardRules = [
    ...(exact ? [{ value: exact.reward, role: "exact" as const, sample: "dash" as const }] : []),
    ...(baseReward === undefined ? [] : [{ value: baseReward, role: "base" as const, sample: "dotted" as const }]),
  ];
  const klRules = exact ? [{ value: exact.klPath, role: "exact" as const, sample: "dash" as const }] : [];
  const legend: LegendEntry[] = [
    { role: "adapted", label: "training batches, running mean", sample: "line" },
    ...(exact
      ? [
          {
            role: "exact" as const,
            label: `exact optimum (reward ${short(exact.reward)}, KL ${short(exact.klPath)})`,
            sample: "dash" as const,
          },
        ]
      : []),
    ...(baseReward === undefined
      ? []
      : [{ role: "base" as const, label: `base model (reward ${short(baseReward)})`, sample: "dotted" as const }]),
  ];
  return {
    name: "learning",
    title: "Learning curves",
    caption: "The thin line is each batch, the thick one its running mean.",
    legend,
    panels: [
      ...curvePanel(points, ({ reward }) => reward, { title: "mean reward", label: "mean reward", rules: rewardRules }),
      ...curvePanel(points, ({ klPath }) => klPath, {
        title: "path KL to the base model",
        label: "path KL [nats]",
        rules: klRules,
      }),
    ],
  };
}

interface Curve {
  readonly title: string;
  readonly label: string;
  readonly rules: readonly { value: number; role: "exact" | "base"; sample: LegendEntry["sample"] }[];
}

function curvePanel(
  points: readonly LearningPoint[],
  pick: (point: LearningPoint) => number | undefined,
  curve: Curve,
): Panel[] {
  const known = points.flatMap((point): Point[] => {
    const value = pick(point);
    return value === undefined ? [] : [[point.iteration, value]];
  });
  if (known.length === 0) {
    return [];
  }
  const raw = thinned(known);
  const smooth = runningMean(raw, Math.max(1, Math.round(raw.length / 25)));
  const heights = raw.map(([, y]) => y);
  // A few wild batches at the start must not flatten everything that follows.
  const shown = [quantile(heights, 0.01), quantile(heights, 0.99), ...smooth.map(([, y]) => y)];
  const rules = curve.rules.map(({ value, role, sample }): Mark => {
    const dash = dashOf(sample);
    return rule(value, { role, width: 1.8, ...(dash && { dash }) });
  });
  const panel: Panel = {
    title: curve.title,
    x: { label: "iteration", domain: [0, Math.max(1, points.at(-1)?.iteration ?? 1)] },
    y: { label: curve.label, domain: extent([shown, curve.rules.map(({ value }) => value)], 0.08) },
    marks: [
      line(raw, { role: "adapted", width: 0.8, opacity: 0.4 }),
      line(smooth, { role: "adapted", width: 2.2 }),
      ...rules,
    ],
  };
  return [panel];
}

/** Averages of neighbours, so that at most `curvePoints` are left. */
function thinned(points: readonly Point[]): Point[] {
  const size = Math.ceil(points.length / curvePoints);
  return Array.from({ length: Math.ceil(points.length / Math.max(1, size)) }, (_, k) => {
    const group = points.slice(k * size, (k + 1) * size);
    return [mean(group.map(([x]) => x)), mean(group.map(([, y]) => y))];
  });
}

/** Mean over a window that is centred, and smaller at the ends. */
export function runningMean(points: readonly Point[], window: number): Point[] {
  const half = Math.floor(window / 2);
  return points.map(([x], k) => {
    const reach = Math.min(half, k, points.length - 1 - k);
    return [x, mean(points.slice(k - reach, k + reach + 1).map(([, y]) => y))];
  });
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function short(value: number): string {
  return String(Number(value.toPrecision(3))).replace("-", "−");
}
