import { DDTensor, DiffusionGymError, Tensor } from "@diffusiongym/core";
import type { Points } from "../evaluation/index.js";
import type { AnyEnvironment, ExactAnswer } from "../exact/index.js";
import {
  bars,
  dots,
  extent,
  type Field,
  type Figure,
  histogram,
  type LegendEntry,
  line,
  type Mark,
  type Panel,
  type Point,
  type Role,
  tickLabel,
  tint,
} from "../plot/index.js";

/** One set of points of the figure. */
export interface PointGroup {
  readonly role: Role;
  readonly title: string;
  readonly points: Points;
}

/** What the figure shows. */
export interface SampleFigureOptions {
  readonly groups: readonly PointGroup[];
  readonly environment: AnyEnvironment;
  readonly exact: ExactAnswer | undefined;
}

/** Dots of one panel: more would hide each other. */
const dotCount = 1200;
const bins = 60;
const curvePoints = 400;
const fieldCells = 40;

/** Samples side by side on one scale: densities over the line, dots in the plane (of the first two coordinates). */
export async function sampleFigure(options: SampleFigureOptions): Promise<Figure> {
  return options.groups[0]!.points.dimension === 1 ? densityFigure(options) : scatterFigure(options);
}

function densityFigure({ groups, exact }: SampleFigureOptions): Figure {
  const measured = groups.filter(({ role }) => role !== "exact");
  const domain = extent(
    measured.map(({ points }) => points.data),
    0.04,
  );
  const grid = Float32Array.from(
    { length: curvePoints + 1 },
    (_, k) => domain[0] + ((domain[1] - domain[0]) * k) / curvePoints,
  );
  const densities = exact?.densities(grid);
  const curves: { role: Role; label: string; values: ArrayLike<number>; dash?: string }[] = [];
  if (densities !== undefined) {
    curves.push({ role: "base", label: "base, exact density", values: densities.base });
    if (measured.some(({ role }) => role === "adapted")) {
      curves.push({ role: "exact", label: "target, exact density", values: densities.target, dash: "6 4" });
    }
  }
  const histograms = measured.map(({ points }) => histogram(points.data, domain, bins));
  const [, top] = extent([...histograms.map((each) => each.densities), ...curves.map(({ values }) => values)]);
  const marks: Mark[] = [
    ...histograms.map((each, k) => bars(each, measured[k]!.role)),
    ...curves.map(({ role, values, dash }) =>
      line(
        Array.from(grid, (x, k) => [x, values[k]!] as const),
        { role, ...(dash && { dash }) },
      ),
    ),
  ];
  return {
    name: "samples",
    title: "Samples",
    caption: `Histograms of the samples${densities ? "; the curves are exact" : ""}.`,
    legend: [
      ...measured.map(({ role, title }): LegendEntry => ({ role, label: `${title}, samples`, sample: "bar" })),
      ...curves.map(({ role, label, dash }): LegendEntry => ({ role, label, sample: dash ? "dash" : "line" })),
    ],
    panels: [{ title: "density of x", x: { label: "x", domain }, y: { label: "density", domain: [0, top] }, marks }],
  };
}

async function scatterFigure({ groups, environment }: SampleFigureOptions): Promise<Figure> {
  const shown = groups.map(({ points }) => firstTwo(points, dotCount));
  // One domain for both axes and all panels, so that shapes are not distorted.
  const domain = extent(
    shown.map((points) => points.flat()),
    0.06,
  );
  const { dimension } = groups[0]!.points;
  const field = dimension === 2 ? await rewardField(environment, domain) : undefined;
  const range = field && extent([field.values], 0);
  const panels = groups.map(
    ({ role, title }, k): Panel => ({
      title,
      x: { label: "x₁", domain },
      y: { label: "x₂", domain },
      aspect: 1,
      marks: [...(field && range ? [tint(field, range, "reward")] : []), dots(shown[k]!, role)],
    }),
  );
  const step = range ? (range[1] - range[0]) / 20 : 1;
  return {
    name: "samples",
    title: "Samples",
    caption:
      `${Math.min(dotCount, ...shown.map((points) => points.length))} samples of each, on one scale` +
      `${dimension > 2 ? `; the first two of ${dimension} coordinates` : ""}${field ? "; the tint is fuller where the reward is larger" : ""}.`,
    legend: [
      ...groups.map(({ role, title }): LegendEntry => ({ role, label: title, sample: "dot" })),
      ...(range
        ? [
            {
              role: "reward" as const,
              label: `reward, from ${tickLabel(range[0], step)} to ${tickLabel(range[1], step)}`,
              sample: "ramp" as const,
            },
          ]
        : []),
    ],
    panels,
  };
}

function firstTwo({ data, dimension }: Points, most: number): Point[] {
  return Array.from(
    { length: Math.min(most, data.length / dimension) },
    (_, i): Point => [data[i * dimension]!, data[i * dimension + 1]!],
  );
}

/** The reward over a square; undefined when it cannot be asked about points. */
async function rewardField(environment: AnyEnvironment, domain: readonly [number, number]): Promise<Field | undefined> {
  const cell = (domain[1] - domain[0]) / fieldCells;
  const middle = (k: number): number => domain[0] + (k + 0.5) * cell;
  const data = Float32Array.from({ length: 2 * fieldCells ** 2 }, (_, j) => {
    const point = Math.floor(j / 2);
    return middle(j % 2 === 0 ? point % fieldCells : Math.floor(point / fieldCells));
  });
  const points = new DDTensor(new Tensor(data, [fieldCells ** 2, 2]));
  try {
    const { rewards, valids } = await environment.reward.evaluate(points, points, {});
    const values = rewards.map((reward, i) => (valids[i] === 1 ? reward : Number.NaN));
    const constant = values.every((value) => value === values[0]);
    return constant ? undefined : { columns: fieldCells, rows: fieldCells, x: domain, y: domain, values };
  } catch (error) {
    if (DiffusionGymError.isInstance(error)) {
      return undefined;
    }
    throw error;
  }
}
