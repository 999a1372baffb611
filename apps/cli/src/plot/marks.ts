import type { Histogram } from "./histogram.js";
import type { Scale } from "./scale.js";
import { element, polyline, round } from "./svg.js";
import { paintOf, type Role } from "./theme.js";

/** The two scales of a panel. */
export interface Scales {
  readonly x: Scale;
  readonly y: Scale;
}

/** Something drawn inside a panel. */
export type Mark = (scales: Scales) => string;

/** One point of a picture. */
export type Point = readonly [x: number, y: number];

/** Dots. */
export function dots(points: Iterable<Point>, role: Role): Mark {
  return ({ x, y }) => {
    // A path of zero-length strokes with round caps draws a thousand dots in one element.
    let path = "";
    for (const [px, py] of points) {
      path += `M${round(x.at(px))} ${round(y.at(py))}h0`;
    }
    return element("path", {
      d: path || "M0 0",
      ...paintOf(role, { stroke: true }),
      "stroke-width": 2.6,
      "stroke-linecap": "round",
      "stroke-opacity": 0.75,
    });
  };
}

/** How a line looks. */
export interface LineStyle {
  readonly role: Role;
  /** @default 2 */
  readonly width?: number;
  /** @default 1 */
  readonly opacity?: number;
  /** Dash pattern of SVG, for example "6 4". @default a full line */
  readonly dash?: string;
}

/** A line through points. */
export function line(points: Iterable<Point>, style: LineStyle): Mark {
  return lines([points], style);
}

/** Several lines that look alike. */
export function lines(all: Iterable<Iterable<Point>>, { role, width = 2, opacity = 1, dash }: LineStyle): Mark {
  return ({ x, y }) =>
    element("path", {
      d:
        Array.from(all, (points) => polyline(Array.from(points, ([px, py]) => [x.at(px), y.at(py)] as const))).join(
          "",
        ) || "M0 0",
      ...paintOf(role, { stroke: true }),
      "stroke-width": width,
      "stroke-opacity": opacity === 1 ? undefined : opacity,
      "stroke-dasharray": dash,
      "stroke-linejoin": "round",
    });
}

/** A horizontal line across the panel. */
export function rule(value: number, style: LineStyle): Mark {
  return (scales) =>
    line(
      scales.x.domain.map((x) => [x, value] as const),
      style,
    )(scales);
}

/** The outline of a histogram over a light fill. */
export function bars({ edges, densities }: Histogram, role: Role): Mark {
  return ({ x, y }) => {
    const top = densities.flatMap((density, k): [number, number][] => [
      [x.at(edges[k]!), y.at(density)],
      [x.at(edges[k + 1]!), y.at(density)],
    ]);
    const path = polyline([[x.at(edges[0]!), y.at(0)], ...top, [x.at(edges.at(-1)!), y.at(0)]]);
    return element("path", {
      d: path,
      ...paintOf(role, { fill: true, stroke: true }),
      "fill-opacity": 0.22,
      "stroke-opacity": 0.7,
      "stroke-width": 1,
    });
  };
}

/** A function of the plane on a grid of square-ish cells, row by row from the lowest y. */
export interface Field {
  readonly columns: number;
  readonly rows: number;
  readonly x: readonly [number, number];
  readonly y: readonly [number, number];
  /** Value of each cell, [rows * columns]; NaN leaves a cell empty. */
  readonly values: ArrayLike<number>;
}

/** Number of steps between the palest and the fullest tint. */
const tintLevels = 8;
/** Opacity of the fullest tint: dots must stay visible on it. */
export const fullTint = 0.3;

/** The function as a tint, fuller where it is larger. */
export function tint(field: Field, [low, high]: readonly [number, number], role: Role): Mark {
  return ({ x, y }) => {
    const paths = new Array<string>(tintLevels).fill("");
    const [width, height] = [(field.x[1] - field.x[0]) / field.columns, (field.y[1] - field.y[0]) / field.rows];
    const level = (row: number, column: number): number => {
      const share = (field.values[row * field.columns + column]! - low) / (high - low);
      return Number.isNaN(share) ? 0 : Math.min(tintLevels - 1, Math.max(0, Math.floor(share * tintLevels)));
    };
    for (let row = 0; row < field.rows; row++) {
      let start = 0;
      for (let column = 1; column <= field.columns; column++) {
        if (column === field.columns || level(row, column) !== level(row, start)) {
          const [left, right] = [x.at(field.x[0] + start * width), x.at(field.x[0] + column * width)];
          const [bottom, top] = [y.at(field.y[0] + row * height), y.at(field.y[0] + (row + 1) * height)];
          paths[level(row, start)]! += `M${round(left)} ${round(bottom)}H${round(right)}V${round(top)}H${round(left)}Z`;
          start = column;
        }
      }
    }
    return element(
      "g",
      { ...paintOf(role, { fill: true }), "shape-rendering": "crispEdges" },
      paths.map((path, k) =>
        k === 0 || path === "" ? "" : element("path", { d: path, "fill-opacity": (fullTint * k) / (tintLevels - 1) }),
      ),
    );
  };
}
