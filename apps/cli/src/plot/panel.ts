import type { Mark } from "./marks.js";
import { linearScale } from "./scale.js";
import { element, escapeText } from "./svg.js";
import { type Box, fontSize, textWidth } from "./text.js";
import { niceTicks, type Ticks } from "./ticks.js";

/** One axis of a panel. */
export interface Axis {
  /** What is along it, with its unit. */
  readonly label: string;
  readonly domain: readonly [number, number];
  /** About how many ticks. @default 5 */
  readonly ticks?: number;
}

/** One coordinate system with its marks. */
export interface Panel {
  readonly title: string;
  readonly x: Axis;
  readonly y: Axis;
  /** Drawn in order, clipped at the frame. */
  readonly marks: readonly Mark[];
  /** Height of the frame over its width. @default 0.72 */
  readonly aspect?: number;
  /** In picture units. @default panelWidth */
  readonly width?: number;
}

/** A panel, laid out and drawn. */
export interface DrawnPanel {
  readonly width: number;
  readonly height: number;
  /** The frame in which the marks are. */
  readonly frame: Box;
  /** Where each piece of text is: title, axis labels, tick labels. */
  readonly texts: readonly Box[];
  readonly markup: string;
}

/** Usual width of a panel, in picture units: about that of a phone. */
export const panelWidth = 340;

const titleHeight = 24;
const tickLength = 4;

/**
 * Draws a panel.
 * @param id unique within the document, for the clipping path
 */
export function drawPanel(panel: Panel, id: string): DrawnPanel {
  const { x, y, title, marks, aspect = 0.72, width = panelWidth } = panel;
  const yTicks = niceTicks(y.domain[0], y.domain[1], y.ticks);
  const tickWidth = Math.max(0, ...yTicks.labels.map((label) => textWidth(label)));
  const left = Math.ceil(fontSize + 10 + tickWidth + tickLength + 2);
  const rough = niceTicks(x.domain[0], x.domain[1], x.ticks).labels.map((label) => textWidth(label));
  // Half of the last tick label may stand out over the frame.
  const right = Math.max(14, Math.ceil(Math.max(0, ...rough) / 2) + 2);
  const xTicks = fittingTicks(x, width - left - right);
  const frame: Box = { x: left, y: titleHeight, width: width - left - right, height: 0 };
  const height = Math.round(frame.width * aspect);
  const bottom = titleHeight + height;
  const scales = {
    x: linearScale(x.domain, [left, left + frame.width]),
    y: linearScale(y.domain, [bottom, titleHeight]),
  };
  const texts: Box[] = [];
  const text = (content: string, at: TextPlace): string => {
    texts.push(boxOf(content, at));
    return element(
      "text",
      {
        x: at.rotated ? undefined : at.x,
        y: at.rotated ? undefined : at.y,
        transform: at.rotated ? `translate(${at.x} ${at.y}) rotate(-90)` : undefined,
        "text-anchor": at.anchor,
        class: at.class,
      },
      escapeText(content),
    );
  };
  const grid = [
    ...xTicks.values.map((value) => `M${scales.x.at(value).toFixed(1)} ${titleHeight}V${bottom}`),
    ...yTicks.values.map((value) => `M${left} ${scales.y.at(value).toFixed(1)}H${left + frame.width}`),
  ].join("");
  const markup = [
    text(title, { x: left, y: titleHeight - 9, anchor: "start", class: "dg-title" }),
    element("path", { d: grid || "M0 0", class: "dg-grid" }),
    element("clipPath", { id }, element("rect", { ...frame, height })),
    element(
      "g",
      { "clip-path": `url(#${id})` },
      marks.map((mark) => mark(scales)),
    ),
    element("rect", { ...frame, height, class: "dg-axis" }),
    ...xTicks.values.map((value, k) =>
      text(xTicks.labels[k]!, { x: scales.x.at(value), y: bottom + 17, anchor: "middle", class: "dg-faint" }),
    ),
    ...yTicks.values.map((value, k) =>
      text(yTicks.labels[k]!, {
        x: left - tickLength - 2,
        y: scales.y.at(value) + fontSize * 0.35,
        anchor: "end",
        class: "dg-faint",
      }),
    ),
    text(x.label, { x: left + frame.width / 2, y: bottom + 36, anchor: "middle" }),
    text(y.label, { x: fontSize, y: titleHeight + height / 2, anchor: "middle", rotated: true }),
  ];
  return { width, height: bottom + 42, frame: { ...frame, height }, texts, markup: markup.join("") };
}

/** Ticks whose labels have room side by side: fewer when they are long. */
function fittingTicks({ domain, ticks = 5 }: Axis, width: number): Ticks {
  const [low, high] = domain;
  for (let count = ticks; ; count--) {
    const found = niceTicks(low, high, count);
    const widest = Math.max(0, ...found.labels.map((label) => textWidth(label))) + 8;
    if (count <= 1 || widest <= (width * found.step) / (high - low)) {
      return found;
    }
  }
}

interface TextPlace {
  readonly x: number;
  readonly y: number;
  readonly anchor: "start" | "middle" | "end";
  readonly class?: string;
  readonly rotated?: boolean;
}

function boxOf(content: string, { x, y, anchor, rotated }: TextPlace): Box {
  const width = textWidth(content);
  const shift = { start: 0, middle: width / 2, end: width }[anchor];
  const [ascent, height] = [fontSize * 0.8, fontSize];
  return rotated
    ? { x: x - ascent, y: y - width / 2, width: height, height: width }
    : { x: x - shift, y: y - ascent, width, height };
}
