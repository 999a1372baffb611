import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { main } from "../../src/index.js";
import { type FakeIo, fakeIo } from "../support/fake-io.js";
import { temporaryFolder } from "../support/temporary.js";
import { markupProblem } from "../support/well-formed.js";

/** E[r] = 1.5844, KL* = 0.3431 and log Z = 0.4491 of four modes at (+-2, +-2), 0.35, r = x1, lambda = 0.5 (METHODS 6.2). */
const exact = { reward: 1.5844, klPath: 0.3431, logNormalizer: 0.4491 };
const args = [
  "adapt",
  "toy/gmm2d",
  "toy/linear",
  "--iterations",
  "30",
  "--batch-size",
  "64",
  "--steps",
  "12",
  "--width",
  "16",
  "--depth",
  "2",
  "-n",
  "600",
  "--out",
  "run 1",
];

interface Summary {
  results: Record<
    string,
    { base?: { value: number; error?: number }; adapted?: { value: number }; exact?: { value: number } }
  >;
  files: string[];
  rewardScale: number;
  commandLine: string;
}

describe("adapt", () => {
  const folder = temporaryFolder();
  let io: FakeIo;
  const read = (name: string): string => readFileSync(join(folder, "run 1", name), "utf8");
  beforeAll(async () => {
    io = fakeIo({ folder });
    const code = await main([...args, "--json"], io);
    expect([code, io.err()]).toEqual([0, expect.any(String)]);
  });

  it("writes every file and nothing half-written", () => {
    expect(readdirSync(join(folder, "run 1")).sort()).toEqual([
      "learning.svg",
      "report.html",
      "run",
      "samples.svg",
      "summary.json",
      "trajectories.svg",
      "value.onnx",
    ]);
    expect(readdirSync(join(folder, "run 1", "run")).sort()).toEqual(["checkpoint.safetensors", "metrics.jsonl"]);
    expect(read("run/metrics.jsonl").trimEnd().split("\n")).toHaveLength(30);
  });

  it("prints JSON with before, after and exact", () => {
    const summary = JSON.parse(io.out()) as Summary;
    const { reward, kl_path, log_normalizer, mode_total_variation } = summary.results;
    expect(summary.rewardScale).toBe(0.5);
    expect(reward?.exact?.value).toBeCloseTo(exact.reward, 3);
    expect(kl_path?.exact?.value).toBeCloseTo(exact.klPath, 3);
    expect(log_normalizer?.exact?.value).toBeCloseTo(exact.logNormalizer, 3);
    expect(kl_path?.base?.value).toBe(0);
    expect(Math.abs(reward!.base!.value)).toBeLessThan(4 * reward!.base!.error!);
    expect(reward?.adapted?.value).toBeGreaterThan(reward!.base!.value);
    expect(mode_total_variation?.base?.value).toBeGreaterThan(0.3);
    expect(JSON.parse(read("summary.json"))).toEqual({ ...summary, files: undefined });
  });

  it("quotes the command so that it can be pasted", () => {
    const { commandLine } = JSON.parse(io.out()) as Summary;
    expect(commandLine).toContain("diffusiongym adapt toy/gmm2d toy/linear --iterations 30");
    expect(commandLine).toContain("--out 'run 1'");
  });

  it("writes a report that is well-formed, stands alone, and shows the exact optimum", () => {
    const html = read("report.html");
    expect(markupProblem(html)).toBe(undefined);
    expect(html).not.toMatch(/<(script|link|img|iframe)|@import|url\((?!#)|https?:/);
    expect(html).toContain("prefers-color-scheme:dark");
    expect(html).toContain('name="viewport"');
    expect(html.match(/<svg viewBox/g)).toHaveLength(3 + 2 + 2);
    for (const part of [
      "1.584",
      "exact optimum (reward 1.58, KL 0.343)",
      "exact target",
      "mode at (2, 2) [%]",
      "path KL to base [nats]",
      "&#39;run 1&#39;",
      "&quot;rewardScale&quot;: 0.5",
      "onnxruntime-node",
    ]) {
      expect(html).toContain(part);
    }
    expect(html).not.toMatch(/NaN|undefined|\[object/);
  });

  it("draws the exact optimum where it is, in the learning curves", () => {
    const svg = read("learning.svg");
    expect(markupProblem(svg)).toBe(undefined);
    const dashed = [
      ...svg.matchAll(
        /<path d="M([\d.]+) ([\d.]+)L([\d.]+) ([\d.]+)" fill="none" stroke="#1b1b1b"[^>]*stroke-dasharray/g,
      ),
    ];
    expect(dashed).toHaveLength(2);
    for (const [, , from, , to] of dashed) {
      expect(from).toBe(to);
    }
  });

  it.each(["samples", "trajectories"])("draws %s with labelled axes", (name) => {
    const svg = read(`${name}.svg`);
    expect(markupProblem(svg)).toBe(undefined);
    expect(svg).toContain("x₁");
    expect(svg).toContain(name === "samples" ? "reward, from" : "time t, from noise (0) to data (1)");
  });

  it("finds nothing to train when the run is complete, and measures the same", async () => {
    const again = fakeIo({ folder });
    expect(await main(args, again)).toBe(0);
    expect(again.err()).toContain("is complete: nothing to train");
    const { results } = JSON.parse(io.out()) as Summary;
    expect(again.out()).toContain(results.reward!.adapted!.value.toFixed(1));
    expect(again.out()).toMatch(/ +base +adapted +exact\n/);
    expect(again.out()).toContain("Report: run 1/report.html");
    expect(again.out()).toContain("Trained before, evaluated in");
    expect(JSON.parse(read("summary.json")).results).toEqual(results);
  });

  it("explains every row of the terminal's table, and leaves the subtle ones to the report", async () => {
    const again = fakeIo({ folder });
    await main(args, again);
    for (const text of ["mode shares, distance ", "path KL to base ", "log E exp(λr), ± s.d. "]) {
      expect(again.out().split(`  ${text}`)).toHaveLength(2);
    }
    for (const name of ["sliced Wasserstein to target", "λ of the ODE"]) {
      expect(again.out()).not.toContain(name);
      expect(read("report.html").split(name)).toHaveLength(3);
    }
  });

  it("gives the distance that chance alone makes with its spread", () => {
    const { results } = JSON.parse(io.out()) as Summary;
    const chance = results.sliced_wasserstein!.exact as { value: number; error: number };
    expect(chance.error).toBeGreaterThan(0);
    expect(chance.value).toBeLessThan(results.sliced_wasserstein!.base!.value);
  });

  it("refuses to continue another run, and says how to start anew", async () => {
    const other = fakeIo({ folder });
    expect(await main([...args, "--batch-size", "32"], other)).toBe(1);
    expect(other.err()).toContain("batchSize is 64 there and 32 here");
    expect(other.err()).toContain("--fresh");
  });

  it("stops when interrupted, keeps the checkpoint, and continues to the same result", async () => {
    const controller = new AbortController();
    const stopped = fakeIo({ folder, interrupted: controller.signal });
    const fresh = args.map((arg) => (arg === "run 1" ? "run 2" : arg));
    // A line in the metrics is a moment within the training.
    const watch = setInterval(() => {
      if (existsSync(join(folder, "run 2", "run", "metrics.jsonl"))) {
        controller.abort("SIGINT");
      }
    }, 1);
    expect(await main(fresh, stopped)).toBe(130);
    clearInterval(watch);
    expect(stopped.err()).toMatch(
      /Interrupted after \d+ of 30 iterations\. The checkpoint is in run 2\/run; continue with:\n {2}diffusiongym adapt /,
    );
    expect(stopped.out()).toBe("");
    const continued = fakeIo({ folder });
    expect(await main([...fresh, "--json"], continued)).toBe(0);
    const first = (JSON.parse(io.out()) as Summary).results;
    expect((JSON.parse(continued.out()) as Summary).results).toEqual(first);
  });
});

describe("adapt without an exact answer", () => {
  it("reports base and adapted alone", async () => {
    const folder = temporaryFolder();
    const io = fakeIo({ folder });
    const code = await main(
      [
        "adapt",
        "toy/gmm",
        "any/zero",
        "--iterations",
        "3",
        "--batch-size",
        "16",
        "--steps",
        "6",
        "--width",
        "8",
        "-n",
        "100",
      ],
      io,
    );
    expect([code, io.err()]).toEqual([0, expect.any(String)]);
    expect(io.out()).toMatch(/ +base +adapted\n/);
    expect(io.out()).not.toContain("exact");
    const html = readFileSync(join(folder, "diffusiongym-report", "gmm-zero", "report.html"), "utf8");
    expect(html).toContain("No exact answer is known for this pair");
    expect(html).not.toContain("exact optimum");
  });
});
