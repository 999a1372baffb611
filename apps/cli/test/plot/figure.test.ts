import { describe, expect, it } from "vitest";
import {
  type Box,
  bars,
  dots,
  drawPanel,
  type Figure,
  figureSvg,
  histogram,
  legend,
  line,
  overlaps,
  type Panel,
  palette,
  panelSvgs,
  panelWidth,
  rule,
  textWidth,
  tint,
} from "../../src/plot/index.js";
import { markupProblem } from "../support/well-formed.js";

const panel = (label: string, domain: readonly [number, number] = [-1, 1]): Panel => ({
  title: "a panel",
  x: { label: "x", domain },
  y: { label, domain },
  marks: [dots([[0, 0]], "base"), rule(0.5, { role: "exact", dash: "6 4" })],
});

const figure: Figure = {
  name: "test",
  title: "Reward & <cost>",
  caption: 'A "caption".',
  legend: [
    { role: "base", label: "base: a < b", sample: "dot" },
    { role: "adapted", label: "adapted, with a long name that takes much room", sample: "line" },
    { role: "exact", label: "exact", sample: "dash" },
    { role: "reward", label: "reward", sample: "ramp" },
  ],
  panels: [panel("y"), panel("z")],
};

function disjoint(boxes: readonly Box[]): void {
  for (const [i, a] of boxes.entries()) {
    for (const b of boxes.slice(i + 1)) {
      expect(overlaps(a, b), JSON.stringify([a, b])).toBe(false);
    }
  }
}

describe("a panel", () => {
  it.each([[[-1, 1]], [[0, 800]], [[-12345, 67890]], [[0.00001, 0.00009]], [[1e8, 3e9]]] as const)(
    "keeps its texts apart, inside the picture and outside the frame, for the domain %j",
    ([low, high]) => {
      const drawn = drawPanel(panel("a label with its [unit]", [low, high]), "id");
      disjoint(drawn.texts);
      for (const box of drawn.texts) {
        expect(box.x).toBeGreaterThanOrEqual(0);
        expect(box.y).toBeGreaterThanOrEqual(0);
        expect(box.x + box.width).toBeLessThanOrEqual(drawn.width);
        expect(box.y + box.height).toBeLessThanOrEqual(drawn.height);
        expect(overlaps(box, drawn.frame), JSON.stringify([box, drawn.frame])).toBe(false);
      }
    },
  );

  it("is as high as wide when it is asked to be", () => {
    const { frame } = drawPanel({ ...panel("y"), aspect: 1 }, "id");
    expect(Math.abs(frame.height - frame.width)).toBeLessThanOrEqual(0.5);
  });
});

describe("a legend", () => {
  it("breaks into rows that fit, and no entry covers another", () => {
    const { boxes, height } = legend(figure.legend, 320);
    disjoint(boxes);
    for (const box of boxes) {
      expect(box.x + box.width).toBeLessThanOrEqual(Math.max(320, box.width));
      expect(box.y + box.height).toBeLessThanOrEqual(height);
    }
    expect(new Set(boxes.map(({ y }) => y)).size).toBeGreaterThan(1);
  });

  it("has no height without entries", () => {
    expect(legend([], 300).height).toBe(0);
  });

  it("ends above the panels", () => {
    const svg = figureSvg(figure);
    const shifts = [...svg.matchAll(/<g transform="translate\(([\d.]+) ([\d.]+)\)">/g)].map(([, x, y]) => [
      Number(x),
      Number(y),
    ]);
    const { height } = legend(figure.legend, 2 * panelWidth + 8);
    expect(shifts[0]).toEqual([12, 12]);
    expect(shifts.filter(([, y]) => y! >= 12 + height)).toHaveLength(2);
  });
});

describe("a figure", () => {
  it("is well-formed, says what it is, and refers to nothing outside", () => {
    const svg = figureSvg(figure);
    expect(markupProblem(svg)).toBe(undefined);
    expect(svg).toContain("<title>Reward &amp; &lt;cost&gt;</title>");
    expect(svg.replace('xmlns="http://www.w3.org/2000/svg"', "")).not.toMatch(/https?:|href|url\((?!#)/);
    expect(svg).not.toContain("NaN");
    for (const [light, dark] of Object.values(palette)) {
      expect(svg).toContain(light);
      expect(svg).toContain(dark);
    }
  });

  it("gives each panel as a picture, with ids of its own", () => {
    const pictures = panelSvgs(figure);
    expect(pictures.map(markupProblem)).toEqual([undefined, undefined]);
    const ids = pictures.map((picture) => /id="([^"]+)"/.exec(picture)?.[1]);
    expect(new Set(ids).size).toBe(2);
  });
});

describe("marks", () => {
  const scales = {
    x: { domain: [0, 10] as const, range: [0, 100] as const, at: (value: number) => 10 * value },
    y: { domain: [0, 1] as const, range: [50, 0] as const, at: (value: number) => 50 - 50 * value },
  };

  it("puts dots and lines where the scales say", () => {
    expect(
      dots(
        [
          [1, 0.5],
          [2, 1],
        ],
        "base",
      )(scales),
    ).toContain('d="M10 25h0M20 0h0"');
    expect(
      line(
        [
          [0, 0],
          [10, 1],
        ],
        { role: "exact", dash: "6 4" },
      )(scales),
    ).toMatch(/d="M0 50L100 0".*stroke-dasharray="6 4"/);
    expect(rule(0.5, { role: "exact" })(scales)).toContain('d="M0 25L100 25"');
  });

  it("draws histograms whose areas are the shares of the values inside", () => {
    const counted = histogram([0.5, 1.5, 1.6, 99], [0, 10], 10);
    expect(counted.densities.slice(0, 3)).toEqual([0.25, 0.5, 0]);
    expect(counted.edges).toHaveLength(11);
    expect(bars(counted, "base")(scales)).toContain('d="M0 50L0 37.5L10 37.5L10 25');
  });

  it("tints a field more where it is larger, and not where there is no number", () => {
    const field = { columns: 3, rows: 1, x: [0, 3] as const, y: [0, 1] as const, values: [0, 1, Number.NaN] };
    const drawn = tint(field, [0, 1], "reward")(scales);
    expect([...drawn.matchAll(/<path/g)]).toHaveLength(1);
    expect(drawn).toContain('d="M10 50H20V0H10Z" fill-opacity="0.3"');
  });

  it("estimates text from above", () => {
    expect(textWidth("iteration")).toBeGreaterThan(45);
    expect(textWidth("")).toBe(0);
  });
});
