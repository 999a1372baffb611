import type { PresentedFigure } from "@diffusiongym/core";
import type { Row } from "../evaluation/index.js";
import { element, escapeText, type Figure, legendSample, panelSvgs, style } from "../plot/index.js";
import { cellText, columnsOfRows, meaningsOf, rowName } from "./format.js";

/** What the page says. */
export interface Page {
  readonly title: string;
  /** Paragraphs under the title. */
  readonly introduction: readonly string[];
  readonly tableCaption: string;
  readonly rows: readonly Row[];
  readonly figures: readonly Figure[];
  /** Samples as their modality shows them; before the figures. */
  readonly presented: readonly PresentedFigure[];
  /** How to get the same again: names and values. */
  readonly details: readonly (readonly [name: string, value: string])[];
  /** The environment's spec. */
  readonly spec: unknown;
}

const layout = `
body{margin:0;background:var(--dg-paper);color:var(--dg-ink);font:16px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,Helvetica,Arial,sans-serif}
main{max-width:1100px;margin:0 auto;padding:24px 16px 48px}
h1{font-size:1.6rem;line-height:1.2;margin:.2em 0 .6em}h2{font-size:1.15rem;margin:2em 0 .4em}
p{margin:.4em 0;max-width:46em}.scroll{overflow-x:auto}
table{border-collapse:collapse;font-variant-numeric:tabular-nums;margin:.6em 0}
caption{caption-side:bottom;text-align:left;color:var(--dg-faint);font-size:.85rem;padding-top:.5em}
th,td{padding:.28em .5em;border-bottom:1px solid var(--dg-grid);text-align:right;white-space:nowrap}
th[scope=row],thead th:first-child{text-align:left;font-weight:400;padding-left:0}thead th{font-weight:600}
td.error{color:var(--dg-faint);text-align:left;padding-left:0}
.panels{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(300px,100%),1fr));gap:8px;max-width:calc(360px*var(--n))}
.panels svg{width:100%;height:auto;max-width:420px}
.legend{display:flex;flex-wrap:wrap;gap:.2em 1.2em;list-style:none;padding:0;margin:.4em 0;font-size:.9rem}
.legend li{display:flex;align-items:center;gap:.4em}.legend svg{flex:none}
figure{margin:0}figcaption{color:var(--dg-faint);font-size:.9rem;max-width:50em}
dl{display:grid;grid-template-columns:auto 1fr;gap:.2em 1em;margin:.5em 0}dt{color:var(--dg-faint)}dd{margin:0;min-width:0;overflow-wrap:anywhere}
code,pre{font:.85rem/1.45 ui-monospace,SFMono-Regular,Menlo,Consolas,monospace}pre{overflow-x:auto}
@media(max-width:520px){table{font-size:.74rem}th[scope=row]{white-space:normal;min-width:6.5em}th,td{padding:.28em .18em}dl{grid-template-columns:1fr;gap:0}dd{margin-bottom:.5em}}
`.trim();

/** The report as one page that needs nothing else: pictures are inside, and it follows the reader's light or dark preference. */
export function renderPage(page: Page): string {
  const { title, introduction, figures, presented, details, spec } = page;
  const body = [
    element("h1", {}, escapeText(title)),
    ...introduction.map((paragraph) => element("p", {}, escapeText(paragraph))),
    element("h2", {}, "Before and after"),
    table(page),
    ...presented.flatMap(({ title, html, caption }) => [
      element("h2", {}, escapeText(title)),
      `<figure>${html}${element("figcaption", {}, escapeText(caption))}</figure>`,
    ]),
    ...figures.flatMap((figure) => [element("h2", {}, escapeText(figure.title)), figureMarkup(figure)]),
    element("h2", {}, "How to get this again"),
    element(
      "dl",
      {},
      details.flatMap(([name, value]) => [
        element("dt", {}, escapeText(name)),
        element("dd", {}, element("code", {}, escapeText(value))),
      ]),
    ),
    `<details><summary>Spec of the environment</summary>${element("pre", {}, escapeText(JSON.stringify(spec, null, 2)))}</details>`,
  ];
  return `${[
    "<!doctype html>",
    '<html lang="en">',
    "<head>",
    '<meta charset="utf-8">',
    '<meta name="viewport" content="width=device-width, initial-scale=1">',
    '<meta name="color-scheme" content="light dark">',
    element("title", {}, escapeText(title)),
    `<style>${style}\n${layout}</style>`,
    "</head>",
    "<body>",
    `<main>\n${body.join("\n")}\n</main>`,
    "</body>",
    "</html>",
  ].join("\n")}\n`;
}

function table({ rows, tableCaption }: Page): string {
  const columns = columnsOfRows(rows);
  const head = ["<th></th>", ...columns.map((column) => `<th colspan="2" scope="col">${column}</th>`)].join("");
  const lines = rows.map((row) => {
    const cells = columns.map((column) => {
      const { value, error } = cellText(row[column], row.decimals);
      return `<td>${escapeText(value.replace("-", "−"))}</td><td class="error">${escapeText(error)}</td>`;
    });
    return `<tr><th scope="row" title="${escapeText(row.meaning)}">${escapeText(rowName(row).replaceAll(/-(?=\d)/g, "−"))}</th>${cells.join("")}</tr>`;
  });
  return [
    `<div class="scroll"><table><caption>${escapeText(tableCaption)}</caption>`,
    `<thead><tr>${head}</tr></thead><tbody>${lines.join("\n")}</tbody></table></div>`,
    "<details><summary>What the rows mean</summary><dl>",
    ...meaningsOf(rows).map(([name, meaning]) => `<dt>${escapeText(name)}</dt><dd>${escapeText(meaning)}</dd>`),
    "</dl></details>",
  ].join("\n");
}

function figureMarkup(figure: Figure): string {
  const entries = figure.legend.map((entry) => {
    const sample = element("svg", { width: 24, height: 18, class: "dg", "aria-hidden": "true" }, legendSample(entry));
    return `<li>${sample}${escapeText(entry.label)}</li>`;
  });
  return [
    "<figure>",
    `<ul class="legend">${entries.join("")}</ul>`,
    `<div class="panels" style="--n:${figure.panels.length}">${panelSvgs(figure).join("\n")}</div>`,
    element("figcaption", {}, escapeText(figure.caption)),
    "</figure>",
  ].join("\n");
}
