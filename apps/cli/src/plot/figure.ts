import { type LegendEntry, legend } from "./legend.js";
import { drawPanel, type Panel } from "./panel.js";
import { element, escapeText } from "./svg.js";
import { style } from "./theme.js";

/** Panels side by side that share a legend. */
export interface Figure {
  /** Name of its file, without ending. */
  readonly name: string;
  readonly title: string;
  /** A sentence or two on what is to be seen. */
  readonly caption: string;
  readonly legend: readonly LegendEntry[];
  readonly panels: readonly Panel[];
}

const margin = 12;
const columnGap = 8;

/** A figure as an SVG file of its own: legend on top, panels in a row. */
export function figureSvg(figure: Figure): string {
  const panels = figure.panels.map((panel, k) => drawPanel(panel, `${figure.name}-${k}`));
  const lefts = panels.map((_, k) => panels.slice(0, k).reduce((sum, panel) => sum + panel.width + columnGap, margin));
  const width = panels.reduce((sum, panel) => sum + panel.width + columnGap, 2 * margin - columnGap);
  const key = legend(figure.legend, width - 2 * margin);
  const top = margin + key.height + (key.height > 0 ? 8 : 0);
  const height = top + Math.max(0, ...panels.map((panel) => panel.height)) + margin;
  return element(
    "svg",
    {
      xmlns: "http://www.w3.org/2000/svg",
      viewBox: `0 0 ${width} ${height}`,
      width,
      height,
      class: "dg",
      role: "img",
    },
    [
      element("title", {}, escapeText(figure.title)),
      element("desc", {}, escapeText(figure.caption)),
      element("style", {}, style),
      element("rect", { width, height, class: "dg-paper" }),
      element("g", { transform: `translate(${margin} ${margin})` }, key.markup),
      ...panels.map((panel, k) => element("g", { transform: `translate(${lefts[k]} ${top})` }, panel.markup)),
    ],
  );
}

/** The panels of a figure as pictures of their own, for a page that arranges them by its width. */
export function panelSvgs(figure: Figure): string[] {
  return figure.panels.map((panel, k) => {
    const { width, height, markup } = drawPanel(panel, `page-${figure.name}-${k}`);
    return element(
      "svg",
      { viewBox: `0 0 ${width} ${height}`, class: "dg", role: "img", "aria-label": `${figure.title}: ${panel.title}` },
      markup,
    );
  });
}
