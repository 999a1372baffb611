import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { compareWith } from "../../src/commands/compare.js";
import { comparisonNetworks } from "../../src/commands/compare-networks.js";
import { inThisProcess, type Runner } from "../../src/comparison/index.js";
import { main } from "../../src/index.js";
import { fakeIo } from "../support/fake-io.js";
import { temporaryFolder } from "../support/temporary.js";
import { markupProblem } from "../support/well-formed.js";

const here = inThisProcess(comparisonNetworks);

/** A runner that counts its jobs, and may do something before each. */
function counted(before: (done: number) => void = () => undefined): { runner: Runner; count: () => number } {
  let done = 0;
  return {
    runner: async (job, signal) => {
      before(done);
      const result = await here(job, signal);
      done += 1;
      return result;
    },
    count: () => done,
  };
}

async function compare(args: readonly string[], folder: string, runner: Runner = here, interrupted?: AbortSignal) {
  const io = fakeIo({ folder, ...(interrupted && { interrupted }) });
  const error = await compareWith(runner)
    .run(args, io)
    .then(
      () => undefined,
      (thrown: unknown) => thrown as Error,
    );
  return { out: io.out(), err: io.err(), error };
}

const tiny = ["--width", "8", "--depth", "1", "-n", "200", "--seeds", "2", "--seconds", "0", "--reward-calls", "512"];
const small = [...tiny, "--problems", "s1", "--methods", "best-of-n,reinforce", "--out", "out", "--settings", "s.json"];

/** A folder with settings for the method that would take time to tune; the sampler is tuned. */
function folderWithSettings(): string {
  const folder = temporaryFolder();
  const settings = { steps: 4, knobs: { batchSize: 32, learningRate: 1e-2 } };
  writeFileSync(join(folder, "s.json"), JSON.stringify({ s1: { reinforce: { settings } } }));
  return folder;
}

interface Results {
  summaries: {
    method: string;
    status: string;
    note?: string;
    seeds: number;
    numbers: Record<string, { mean: number }>;
  }[];
  runs: { outcome: { seconds: number; wallSeconds: number; peakMemoryMb: number } }[];
  files: string[];
}

/** All that must not depend on the machine. */
function numbersOf({ summaries }: Results) {
  return summaries.map(({ numbers: { seconds: _, peak_memory_mb: __, ...numbers }, ...rest }) => ({
    ...rest,
    numbers,
  }));
}

describe("compare", () => {
  it("gives the same numbers again, within the budget, and writes its files", async () => {
    const folders = [folderWithSettings(), folderWithSettings()] as const;
    const first = await compare([...small, "--json"], folders[0]);
    expect(first.error).toBe(undefined);
    const results = JSON.parse(first.out) as Results;
    const second = JSON.parse((await compare([...small, "--json"], folders[1])).out) as Results;
    expect(numbersOf(second)).toEqual(numbersOf(results));
    const [trained, sampler] = ["reinforce", "best-of-n"].map(
      (name) => results.summaries.find(({ method }) => method === name)!,
    );
    expect(trained!.seeds).toBe(2);
    // 15 iterations of 32, after 32 samples of the base model.
    expect(trained!.numbers.reward_calls!.mean).toBe(512);
    expect(trained!.numbers.iterations!.mean).toBe(15);
    expect(sampler!.numbers.reward_calls!.mean % 200).toBe(0);
    for (const name of ["reward_sde", "reward_ode", "kl_to_tilt_ode", "lambda_sde", "path_ess", "seconds"]) {
      expect(trained!.numbers[name]!.mean, name).toEqual(expect.any(Number));
    }
    // The best of 4, 8 or 32 that comes closest: nearly all in the highest mode.
    expect(sampler!.numbers.reward_sde!.mean).toBeGreaterThan(1.5);
    const names = ["TABLES.md", "results.json", "settings.json", "s1-reward-calls.svg"];
    expect(results.files.sort()).toEqual(names.map((name) => join("out", name)).sort());
    const svg = readFileSync(join(folders[0], "out", "s1-reward-calls.svg"), "utf8");
    expect(markupProblem(svg.trim())).toBe(undefined);
    expect(svg).toContain("REINFORCE");
    const tables = readFileSync(join(folders[0], "out", "TABLES.md"), "utf8");
    expect(tables).toMatch(/\| best-of-n \|/);
    expect(tables).not.toMatch(/NaN|undefined|\[object/);
  });

  it("goes on where it was stopped: nothing that is in the journal is run again", async () => {
    const folder = folderWithSettings();
    const whole = counted();
    const complete = JSON.parse((await compare([...small, "--json"], folder, whole.runner)).out) as Results;
    const journal = join(folder, "out", "runs.jsonl");
    const lines = readFileSync(journal, "utf8").trimEnd().split("\n");
    expect(lines).toHaveLength(whole.count());

    const again = counted();
    await compare([...small, "--json"], folder, again.runner);
    expect(again.count()).toBe(0);

    const finished = await compare([...small, "--json", "--finished"], folder, again.runner);
    expect(again.count()).toBe(0);
    expect(numbersOf(JSON.parse(finished.out) as Results)).toEqual(numbersOf(complete));

    // Two runs lost, one of them cut off in the middle of its line.
    writeFileSync(journal, `${lines.slice(0, -2).join("\n")}\n${lines.at(-2)!.slice(0, 40)}`);
    const rest = counted();
    const { out } = await compare([...small, "--json"], folder, rest.runner);
    expect(rest.count()).toBe(2);
    expect(numbersOf(JSON.parse(out) as Results)).toEqual(numbersOf(complete));
  });

  it("keeps what was finished when it is interrupted, and says how to go on", async () => {
    const folder = folderWithSettings();
    const controller = new AbortController();
    const { runner, count } = counted((done) => done === 3 && controller.abort());
    const { error } = await compare(small, folder, runner, controller.signal);
    expect(error?.name).toBe("Interruption");
    expect(error?.message).toContain("diffusiongym compare --width 8");
    expect(count()).toBeLessThanOrEqual(4);
    expect(
      readFileSync(join(folder, "out", "runs.jsonl"), "utf8")
        .trimEnd()
        .split("\n").length,
    ).toBeGreaterThan(1);
    expect(existsSync(join(folder, "out", "results.json"))).toBe(false);
  });

  it("says in the table why a method cannot run", async () => {
    const args = [...tiny, "--problems", "half-space", "--methods", "adjoint-matching,best-of-n", "--seeds", "1"];
    const { out, error } = await compare(args, temporaryFolder());
    expect(error).toBe(undefined);
    expect(out).toMatch(/`adjoint-matching`: cannot run here: .*reward/);
    expect(out).toMatch(/\| best-of-n \|/);
    expect(out).not.toMatch(/\| adjoint-matching \|/);
  });

  it("compares on an environment of one's own, with given settings", async () => {
    const folder = temporaryFolder();
    const choice = { settings: { steps: 4, knobs: { batchSize: 32, learningRate: 1e-2 } } };
    writeFileSync(join(folder, "s.json"), JSON.stringify({ own: { "log-variance": choice } }));
    const args = ["toy/gmm", "toy/quadratic", "log-variance", ...tiny, "--settings", "s.json", "--json"];
    const { out, error } = await compare([...args, "--reward.center", "[2]"], folder);
    expect(error).toBe(undefined);
    const { summaries } = JSON.parse(out) as Results;
    expect(summaries).toEqual([expect.objectContaining({ problem: "own", method: "log-variance", status: "done" })]);
    expect(summaries[0]!.numbers.reward_calls!.mean).toBe(512);
  });

  it.each([
    [["--problems", "s2"], 'no problem "s2". Did you mean "s1"'],
    [["tilt-machin"], 'no method "tilt-machin". Did you mean "tilt-matching"'],
    [["--methods", "smc,refll"], "There is no method"],
    [["--seconds", "0", "--reward-calls", "0"], "leave no budget"],
    [["--second", "3"], "Did you mean --seconds?"],
    [["--settings", "nowhere.json"], "cannot be read"],
    [["toy/gmm"], "a model and a reward"],
    [["toy/gmm", "toy/linear", "--problems", "s1"], "or --problems"],
    [["toy/gm", "toy/linear"], "toy/gmm"],
    [["--reward-scale", "2"], "an environment of your own"],
  ])("refuses %j", async (args, words) => {
    const { error } = await compare(args, temporaryFolder());
    expect(error?.name).toMatch(/^(UsageError|RegistryError)$/);
    expect(error?.message).toContain(words);
  });

  it("refuses settings that are none", async () => {
    const folder = temporaryFolder();
    writeFileSync(join(folder, "s.json"), JSON.stringify({ s1: { reinforce: { settings: { steps: 4 } } } }));
    const { error } = await compare(["--settings", "s.json"], folder);
    expect(error?.message).toContain('"settings" with "steps" and "knobs" are missing at s1, reinforce');
  });

  it("has a help text", async () => {
    const io = fakeIo();
    expect(await main(["compare", "--help"], io)).toBe(0);
    expect(io.out()).toContain("h16");
    expect(io.out()).toContain("--reward-calls NUMBER");
  });
});
