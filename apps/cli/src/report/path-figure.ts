import type { Paths } from "../evaluation/index.js";
import { extent, type Figure, lines, type Panel, type Point, type Role } from "../plot/index.js";

/** Paths of one model. */
export interface PathGroup {
  readonly role: Role;
  readonly title: string;
  readonly paths: Paths;
}

/** Paths that one panel can hold without becoming a carpet. */
const pathCount = 60;

/** How samples come about: the first coordinate over time, from noise on the left to data on the right. */
export function pathFigure(groups: readonly PathGroup[]): Figure {
  const all = groups.map(({ paths }) => firstCoordinates(paths));
  const domain = extent(all.flatMap((paths) => paths.map((path) => path.map(([, x]) => x))));
  const { dimension } = groups[0]!.paths.states[0]!;
  const name = dimension === 1 ? "x" : "x₁";
  return {
    name: "trajectories",
    title: "Trajectories",
    caption: `${all[0]!.length} paths of each model, started from the same noise: ${dimension === 1 ? "the state" : "the first coordinate"} over time.`,
    legend: groups.map(({ role, title }) => ({ role, label: title, sample: "line" })),
    panels: groups.map(
      ({ role, title }, k): Panel => ({
        title,
        x: { label: "time t, from noise (0) to data (1)", domain: [0, 1] },
        y: { label: name, domain },
        marks: [lines(all[k]!, { role, width: 1, opacity: 0.45 })],
      }),
    ),
  };
}

function firstCoordinates({ timesteps, states }: Paths): Point[][] {
  const { dimension, data } = states[0]!;
  return Array.from({ length: Math.min(pathCount, data.length / dimension) }, (_, i) =>
    states.map((points, k): Point => [timesteps[k]!, points.data[i * dimension]!]),
  );
}
