import { fullTint } from "./marks.js";
import { element, escapeText } from "./svg.js";
import { type Box, fontSize, textWidth } from "./text.js";
import { paintOf, type Role } from "./theme.js";

/** One entry of a legend: a sample of the mark and what it means. */
export interface LegendEntry {
  readonly label: string;
  readonly role: Role;
  readonly sample: "dot" | "circle" | "line" | "dash" | "dotted" | "bar" | "ramp";
}

/** A legend, laid out. */
export interface Legend {
  readonly height: number;
  /** Where each entry is. */
  readonly boxes: readonly Box[];
  readonly markup: string;
}

const rowHeight = 18;
const sampleWidth = 24;
const gap = 14;

/** Lays entries out in rows of at most `width`, from the top left corner. It has its own place and so covers nothing. */
export function legend(entries: readonly LegendEntry[], width: number): Legend {
  const boxes: Box[] = [];
  let x = 0;
  let y = 0;
  for (const entry of entries) {
    const own = sampleWidth + 5 + textWidth(entry.label);
    if (x > 0 && x + own > width) {
      x = 0;
      y += rowHeight;
    }
    boxes.push({ x, y, width: own, height: rowHeight });
    x += own + gap;
  }
  const markup = entries.map((entry, k) => {
    const { x: left, y: top } = boxes[k]!;
    return element("g", { transform: `translate(${left.toFixed(1)} ${top})` }, [
      legendSample(entry),
      element("text", { x: sampleWidth + 5, y: rowHeight / 2 + fontSize * 0.35 }, escapeText(entry.label)),
    ]);
  });
  return { height: entries.length === 0 ? 0 : y + rowHeight, boxes, markup: markup.join("") };
}

/** The sample of an entry, in a box of 24 by 18. */
export function legendSample({ role, sample }: LegendEntry): string {
  const middle = rowHeight / 2;
  const filled = paintOf(role, { fill: true });
  switch (sample) {
    case "dot":
      return element("circle", { cx: sampleWidth / 2, cy: middle, r: 4, ...filled });
    case "circle":
      return element("circle", {
        ...{ cx: sampleWidth / 2, cy: middle, r: 3.5, "stroke-width": 1.6 },
        ...paintOf(role, { stroke: true }),
      });
    case "bar":
      return element("rect", {
        x: 2,
        y: 4,
        width: sampleWidth - 4,
        height: 10,
        ...paintOf(role, { fill: true, stroke: true }),
        "fill-opacity": 0.22,
      });
    case "ramp":
      return [0, 1, 2, 3]
        .map((k) =>
          element("rect", { x: 6 * k, y: 4, width: 6, height: 10, ...filled, "fill-opacity": (fullTint * k) / 3 }),
        )
        .join("");
    default:
      return element("path", {
        d: `M0 ${middle}H${sampleWidth}`,
        ...paintOf(role, { stroke: true }),
        "stroke-width": 2,
        "stroke-dasharray": dashOf(sample),
      });
  }
}

/** Dash pattern of a line's sample, so that marks and legend agree. */
export function dashOf(sample: LegendEntry["sample"]): string | undefined {
  return sample === "dash" ? "6 4" : sample === "dotted" ? "2 3" : undefined;
}
