import type { Mark, Point } from "./marks.js";
import { element, escapeText, round } from "./svg.js";
import { type Box, overlaps, textWidth } from "./text.js";
import { paintOf, type Role } from "./theme.js";

/** A point with its name. */
export interface LabelledPoint {
  readonly at: Point;
  /** Empty for a dot without a name. */
  readonly label: string;
  readonly role: Role;
}

const radius = 3.6;
const letterSize = 10.5;
const rowHeight = 11;
/** Distances from the point, in picture units, at which a place for a label is looked for; beyond the first a line leads there. */
const distances = [7, 16, 28, 42, 58];
const directions = 12;

/**
 * Dots with their names beside them. A name goes where it covers neither a dot nor another name, with a line to its dot where that is
 * not right beside it; points outside the frame are left out.
 */
export function labelledDots(points: readonly LabelledPoint[]): Mark {
  return ({ x, y }) => {
    const frame = {
      left: Math.min(...x.range),
      right: Math.max(...x.range),
      top: Math.min(...y.range),
      bottom: Math.max(...y.range),
    };
    const placed = points
      .map((point) => ({ ...point, px: x.at(point.at[0]), py: y.at(point.at[1]) }))
      .filter(({ px, py }) => px >= frame.left && px <= frame.right && py >= frame.top && py <= frame.bottom);
    const taken: Box[] = placed.map(({ px, py }) => ({
      x: px - radius,
      y: py - radius,
      width: 2 * radius,
      height: 2 * radius,
    }));
    const inside = (box: Box): boolean =>
      box.x >= frame.left &&
      box.x + box.width <= frame.right &&
      box.y >= frame.top &&
      box.y + box.height <= frame.bottom;
    const named = placed.filter(({ label }) => label !== "");
    const labels = named.map(({ px, py, label, role }) => {
      const width = textWidth(label, letterSize);
      const places = distances.flatMap((distance) =>
        Array.from({ length: directions }, (_, k) => {
          const angle = (2 * Math.PI * k) / directions;
          const [dx, dy] = [Math.cos(angle), Math.sin(angle)];
          const cx = px + dx * (distance + width / 2);
          const cy = py + dy * (distance + rowHeight / 4);
          return { distance, box: { x: cx - width / 2, y: cy - rowHeight / 2, width, height: rowHeight } };
        }),
      );
      const free = places.find(({ box }) => inside(box) && !taken.some((other) => overlaps(box, other))) ?? places[0]!;
      taken.push(free.box);
      const { box, distance } = free;
      const middle = box.y + rowHeight / 2;
      const near = Math.max(box.x, Math.min(px, box.x + box.width));
      return [
        distance === distances[0]
          ? ""
          : element("path", {
              d: `M${round(px)} ${round(py)}L${round(near)} ${round(middle)}`,
              ...paintOf(role, { stroke: true }),
              "stroke-width": 0.7,
              "stroke-opacity": 0.7,
            }),
        element(
          "text",
          { x: box.x + width / 2, y: middle + letterSize * 0.35, "text-anchor": "middle", "font-size": letterSize },
          escapeText(label),
        ),
      ].join("");
    });
    const marks = placed.map(({ px, py, role }) =>
      element("circle", { cx: px, cy: py, r: radius, ...paintOf(role, { fill: true }) }),
    );
    return [...labels, ...marks].join("");
  };
}
