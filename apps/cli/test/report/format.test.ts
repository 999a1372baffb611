import { describe, expect, it } from "vitest";
import { type Row, suitableDecimals } from "../../src/evaluation/index.js";
import { fixed, grouped, learningFigure, runningMean, textTable } from "../../src/report/index.js";

const rows: Row[] = [
  {
    key: "reward",
    name: "mean reward",
    base: { value: -0.0115, error: 0.0143 },
    adapted: { value: 1.5526, error: 0.0097 },
    exact: { value: 1.5844 },
    decimals: 3,
    meaning: "mean",
  },
  {
    key: "mode",
    name: "mode at 2",
    unit: "%",
    base: { value: 25 },
    adapted: { value: 43.66 },
    decimals: 1,
    meaning: "share",
  },
];

describe("textTable", () => {
  it("aligns numbers at their ends and errors beside them", () => {
    expect(textTable(rows, (text) => text)).toBe(
      [
        "                  base           adapted         exact",
        "mean reward     -0.011 ± 0.014   1.553 ± 0.010   1.584",
        "mode at 2 [%]     25.0            43.7",
      ].join("\n"),
    );
    const lines = textTable(rows, (text) => text).split("\n");
    expect(lines[1]!.indexOf("1.584") + "1.584".length).toBe(lines[0]!.length);
    expect(lines[1]!.indexOf("-0.011") + "-0.011".length).toBe(lines[2]!.indexOf("25.0") + "25.0".length);
  });

  it("leaves the exact column out when nothing is known exactly", () => {
    const { exact: _, ...first } = rows[0]!;
    expect(textTable([first], (text) => text)).not.toContain("exact");
  });
});

describe("numbers", () => {
  it("have the decimals that their uncertainty allows", () => {
    expect(
      suitableDecimals([
        { value: 1.5, error: 0.0143 },
        { value: 1, error: 0.0097 },
      ]),
    ).toBe(3);
    expect(suitableDecimals([{ value: 300, error: 12 }])).toBe(0);
    expect(suitableDecimals([{ value: 0.451 }])).toBe(3);
    expect(suitableDecimals([{ value: 0 }])).toBe(2);
    expect(suitableDecimals([{ value: 1, error: 1e-9 }])).toBe(4);
  });

  it("have no minus before zero, and groups of thousands", () => {
    expect(fixed(-0.0001, 2)).toBe("0.00");
    expect(fixed(-0.5, 2)).toBe("-0.50");
    expect([7, 1000, 20_000, 1_234_567].map(grouped)).toEqual(["7", "1 000", "20 000", "1 234 567"]);
  });
});

describe("learning curves", () => {
  it("average over a window that is centred, and smaller at the ends", () => {
    const points = [0, 3, 6, 0, 3].map((y, x) => [x, y] as const);
    expect(runningMean(points, 3).map(([, y]) => y)).toEqual([0, 3, 3, 3, 3]);
    expect(runningMean(points, 1)).toEqual(points);
  });

  it("hold the exact optimum and the base model as lines inside the panels", () => {
    const points = Array.from({ length: 50 }, (_, k) => ({ iteration: k + 1, reward: k / 100, klPath: k / 500 }));
    const { panels, legend } = learningFigure(points, { baseReward: -1, exact: { reward: 3, klPath: 0.7 } });
    const [reward, kl] = panels.map(({ y }) => y.domain);
    expect(reward![0]).toBeLessThan(-1);
    expect(reward![1]).toBeGreaterThan(3);
    expect(kl![1]).toBeGreaterThan(0.7);
    expect(legend.map(({ label }) => label)).toEqual([
      "training batches, running mean",
      "exact optimum (reward 3, KL 0.7)",
      "base model (reward −1)",
    ]);
  });

  it("do without an optimum that nobody knows", () => {
    const { legend } = learningFigure([{ iteration: 1, reward: 1, klPath: 0 }], {
      baseReward: undefined,
      exact: undefined,
    });
    expect(legend).toHaveLength(1);
  });
});
