import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { methodCatalogue } from "@diffusiongym/methods";
import { describe, expect, it } from "vitest";
import { optionName } from "../../src/arguments/index.js";
import { networkOptions, policyOptions } from "../../src/commands/method-options.js";
import { commonOptions, environmentOptions } from "../../src/commands/options.js";
import { main } from "../../src/index.js";
import { fakeIo } from "../support/fake-io.js";
import { temporaryFolder } from "../support/temporary.js";
import { markupProblem } from "../support/well-formed.js";

async function call(args: readonly string[], folder?: string) {
  const io = fakeIo(folder === undefined ? {} : { folder });
  const code = await main(args, io);
  return { code, out: io.out(), err: io.err() };
}

interface Summary {
  method: string;
  seed: number;
  rewardScale: number;
  settings: Record<string, unknown>;
  results: Record<string, { base?: { value: number }; adapted?: { value: number }; exact?: { value: number } }>;
}

/** A run of seconds on four steps. */
const tiny = ["--steps", "4", "-n", "60", "--json"];
const training = ["--width", "8", "--depth", "1"];

/** What makes a method small; its own needs beside it. */
const small: { readonly [method: string]: readonly string[] } = {
  "offline-value": ["--pool-size", "256", "--batch-size", "64"],
  "path-weighted-tilt-matching": ["--base-pool-size", "512", "--pool-size", "256", "--rounds", "1", "--least-ess", "1"],
  "tilt-matching": ["--base-pool-size", "512", "--pool-size", "256"],
  "reward-weighted-regression": ["--base-pool-size", "512", "--pool-size", "256", "--least-ess", "1"],
  "align-prop": ["--truncation", "1"],
  "best-of-n": ["--candidates", "2"],
};

describe("adapt --method", () => {
  it.each(methodCatalogue.map((entry) => [entry.name, entry] as const))(
    "%s runs, is measured, and reports",
    async (name, { trains, knobs }) => {
      const folder = temporaryFolder();
      const batch = trains === "nothing" ? [] : ["--iterations", "2", ...training];
      const size = trains === "nothing" || small[name]?.includes("--batch-size") ? [] : ["--batch-size", "32"];
      const args = [
        "adapt",
        "toy/gmm",
        "toy/linear",
        "--method",
        name,
        ...tiny,
        ...batch,
        ...size,
        ...(small[name] ?? []),
      ];
      const { code, out, err } = await call(args, folder);
      expect([code, err]).toEqual([0, expect.any(String)]);
      const { method, results, settings } = JSON.parse(out) as Summary;
      expect(method).toBe(name);
      expect(Object.keys(settings).length).toBeGreaterThanOrEqual(Object.keys(knobs).length);
      expect(results.reward!.adapted!.value).not.toBe(results.reward!.base!.value);
      expect(results.kl_path!.adapted === undefined).toBe(
        ["best-of-n", "sequential-monte-carlo", "svdd"].includes(name),
      );
      expect(results.log_normalizer === undefined).toBe(trains !== "value");
      const own = join(folder, "diffusiongym-report", name === "value-matching" ? "gmm-linear" : `gmm-linear-${name}`);
      const network = { policy: "policy.onnx", value: "value.onnx", nothing: undefined }[trains];
      expect(readdirSync(own).filter((file) => file.endsWith(".onnx"))).toEqual(network === undefined ? [] : [network]);
      expect(existsSync(join(own, "run"))).toBe(trains !== "nothing");
      const html = readFileSync(join(own, "report.html"), "utf8");
      expect(markupProblem(html)).toBe(undefined);
      expect(html).not.toMatch(/NaN|undefined|\[object/);
      expect(html.includes("the base model's by the SDE".replace("'", "&#39;"))).toBe(
        results.kl_path!.adapted === undefined,
      );
      expect(html).toContain(
        `What ${methodCatalogue.find((entry) => entry.name === name)!.title}`.replace("'", "&#39;"),
      );
    },
  );

  it("improves the reward by a policy, and finds the run complete the second time", async () => {
    const folder = temporaryFolder();
    const args = ["adapt", "toy/gmm2d", "toy/linear", "--method", "adjoint-matching", "--iterations", "60"];
    const more = ["--batch-size", "64", "--learning-rate", "0.01", "--steps", "10", "--width", "16", "-n", "1500"];
    const { code, out } = await call([...args, ...more, "--json"], folder);
    expect(code).toBe(0);
    const { results } = JSON.parse(out) as Summary;
    expect(results.reward!.adapted!.value).toBeGreaterThan(results.reward!.base!.value + 0.4);
    expect(results.kl_path!.adapted!.value).toBeGreaterThan(0.05);
    expect(results.achieved_reward_scale!.adapted!.value).toBeGreaterThan(0.1);
    const again = await call([...args, ...more], folder);
    expect(again.err).toContain("is complete: nothing to train");
    expect(again.out).toContain(results.reward!.adapted!.value.toFixed(1));
  });

  it("trains a copy or adapters of a model that is a network, and refuses them of one that is none", async () => {
    const args = ["adapt", "toy/gmm-mlp", "toy/linear", "--method", "reinforce", ...tiny];
    const sizes = ["--iterations", "2", "--batch-size", "16"];
    for (const [kind, described] of [
      ["auto", "a copy of the base model"],
      ["lora", "low-rank adapters of rank 2"],
      ["residual", "residual network"],
    ] as const) {
      const { code, out, err } = await call(
        [...args, ...sizes, "--trainable", kind, "--lora-rank", "2"],
        temporaryFolder(),
      );
      expect([code, err]).toEqual([0, expect.any(String)]);
      expect((JSON.parse(out) as Summary).settings["policy network"]).toContain(described);
    }
    const refused = await call(["adapt", "toy/gmm", "toy/linear", "--method", "reinforce", "--trainable", "lora"]);
    expect([refused.code, refused.err]).toEqual([2, expect.stringContaining("give --trainable residual")]);
  });

  it.each([
    [["--method", "adjoint-matchin"], 'Did you mean "adjoint-matching"?'],
    [["--method", "ddpo", "--advantage-clp", "1"], "Did you mean --advantage-clip?"],
    [
      ["--method", "draft", "--truncation", "al"],
      'did you mean "all"? This must be a whole number from 1 on or all or random.',
    ],
    [["--method", "svdd", "--time-range", "0.5,0.1"], "two times between 0 and 1"],
    [["--method", "ddpo", "--estimator", "scor"], 'did you mean "score"?'],
    [["--method", "flow-grpo", "--kl-to-go", "maybe"], "This must be true or false."],
    [["--method", "log-variance", "--updates-per-rollout", "2"], "give replaySize"],
  ])("%j is bad usage", async (args, message) => {
    const { code, err } = await call(["adapt", "toy/gmm", "toy/linear", ...args]);
    expect([code, err]).toEqual([2, expect.stringContaining(message)]);
  });

  it("has no option of a method that stands for something else already", () => {
    const general = [
      "method",
      "config",
      "steps",
      "fresh",
      "count",
      ...Object.keys({ ...environmentOptions, ...commonOptions }),
    ];
    for (const entry of methodCatalogue) {
      const knobs = Object.entries(entry.knobs).map(([name, knob]) => optionName(name, knob));
      const networks = Object.keys({ ...networkOptions, ...policyOptions });
      expect(knobs.filter((name) => [...general, ...networks].includes(name))).toEqual([]);
    }
  });

  it("shows the options of the method that was named", async () => {
    const { out } = await call(["adapt", "--method", "reinforce-adjoint-matching", "--help"]);
    expect(out).toMatch(/--path-cost +Keep the cost of the path/);
    expect(out).toMatch(/--baseline conditional\|mean\|none/);
    expect(out).toMatch(/--trainable auto\|copy\|lora\|residual/);
    expect(out).not.toContain("--no-look-ahead");
  });
});

describe("adapt --config", () => {
  const settings = {
    method: "offline-value",
    iterations: 3,
    batchSize: 32,
    poolSize: 128,
    timeRange: [0.1, 0.9],
    contrastSize: 8,
    timeGrid: [0.2, 0.6, 1],
    width: 8,
    count: 50,
    seed: 5,
    rewardScale: 0.5,
    model: { weights: [0.8, 0.2] },
    reward: { offset: 10 },
  };
  const write = (content: unknown): string => {
    const folder = temporaryFolder();
    writeFileSync(join(folder, "run.json"), typeof content === "string" ? content : JSON.stringify(content));
    return folder;
  };

  it("sets options of every kind, and what is typed wins", async () => {
    const args = ["adapt", "toy/gmm", "toy/linear", "--config", "run.json", "--seed", "6", "--json"];
    const { code, out, err } = await call(args, write(settings));
    expect([code, err]).toEqual([0, expect.stringContaining("3 iterations of 32 samples in 2 steps")]);
    const summary = JSON.parse(out) as Summary;
    expect(summary).toMatchObject({ method: "offline-value", seed: 6, rewardScale: 0.5 });
    expect(summary.settings).toMatchObject({ "pool size": 128, "time range": "0.1, 0.9", "contrast size": 8 });
    // E[r] = .2 * 3 + 10
    expect(summary.results.reward!.base!.value).toBeGreaterThan(9.5);
  });

  it("switches off what is on by itself", async () => {
    const base = { iterations: 1, batchSize: 16, steps: 3, width: 4, count: 20 };
    const args = ["adapt", "toy/gmm", "toy/linear", "--config", "run.json", "--json"];
    for (const [lookAhead, shown] of [
      [false, false],
      [true, true],
    ]) {
      const { out } = await call(args, write({ ...base, lookAhead }));
      expect((JSON.parse(out) as Summary).settings["look ahead"]).toBe(shown);
    }
  });

  it.each([
    [{ iteration: 3 }, 'run.json: there is no setting "iteration". Did you mean "iterations"?'],
    [{ "batch-size": 3 }, 'there is no setting "batch-size". Did you mean "batchSize"?'],
    [{ method: "ddpo", lookAhead: true }, 'there is no setting "lookAhead"'],
    [{ iterations: "3" }, 'run.json: "iterations" must be a number, but it is "3".'],
    [{ iterations: 1.5 }, 'run.json: "iterations": --iterations 1.5: This must be a whole number from 1 on.'],
    [{ lookAhead: "no" }, '"lookAhead" must be true or false'],
    [{ target: "plan" }, 'did you mean "plain"?'],
    [{ model: [1] }, '"model" must be an object of the model\'s options'],
    [{ model: { mean: 1 } }, "Did you mean --model.means?"],
    [{ method: 3 }, '"method" must be'],
    [[], "a JSON object is needed"],
    ['{"iterations": 3,\n  "seed" 4}', "run.json: this is not JSON: line 2, column 10: "],
    ["{", "run.json: this is not JSON: line 1, column 2: "],
  ])("%j is bad usage", async (content, message) => {
    const { code, err } = await call(["adapt", "toy/gmm", "toy/linear", "--config", "run.json"], write(content));
    expect([code, err]).toEqual([2, expect.stringContaining(message)]);
  });

  it("says that a file is not there", async () => {
    const { code, err } = await call(["adapt", "toy/gmm", "toy/linear", "--config", "none.json"], temporaryFolder());
    expect([code, err]).toEqual([2, expect.stringContaining("--config none.json: the file cannot be read (ENOENT).")]);
  });
});

describe("methods", () => {
  it("lists every method with what it needs and what it converges to", async () => {
    const { code, out } = await call(["methods"]);
    expect(code).toBe(0);
    for (const { name } of methodCatalogue) {
      expect(out).toContain(`${name}:\n  needs `);
    }
    expect(Math.max(...out.split("\n").map((line) => line.length))).toBeLessThanOrEqual(80);
  });

  it("shows the options of one, and everything as JSON", async () => {
    const { out } = await call(["methods", "value-matching"]);
    expect(out).toMatch(/--iterations NUMBER +Iterations \(default 800\)/);
    const parsed = JSON.parse((await call(["methods", "ddpo", "--json"])).out) as {
      methods: { name: string; knobs: Record<string, { default?: unknown }> }[];
    };
    expect(parsed.methods.map(({ name }) => name)).toEqual(["ddpo"]);
    expect(parsed.methods[0]!.knobs.historySize!.default).toBe(32);
    const unknown = await call(["methods", "dpo"]);
    expect([unknown.code, unknown.err]).toEqual([2, expect.stringContaining('Did you mean "ddpo"?')]);
  });
});
