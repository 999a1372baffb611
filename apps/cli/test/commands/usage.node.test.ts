import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { main } from "../../src/index.js";
import { fakeIo } from "../support/fake-io.js";
import { temporaryFolder } from "../support/temporary.js";

async function call(args: readonly string[], options: Parameters<typeof fakeIo>[0] = {}) {
  const io = fakeIo(options);
  const code = await main(args, io);
  return { code, out: io.out(), err: io.err() };
}

describe("help", () => {
  it("lists the commands and exit codes", async () => {
    for (const args of [[], ["--help"], ["-h"], ["help"]]) {
      const { code, out, err } = await call(args);
      expect([code, err]).toEqual([0, ""]);
      for (const part of ["Usage: diffusiongym COMMAND", "list", "sample", "adapt", "Exit codes:", "130"]) {
        expect(out).toContain(part);
      }
    }
  });

  it.each(["list", "methods", "sample", "adapt"])(
    "of %s has usage, options with defaults, exit codes and an example",
    async (name) => {
      const { code, out } = await call([name, "--help"]);
      expect(code).toBe(0);
      expect(out).toMatch(new RegExp(`^Usage: diffusiongym ${name} `));
      expect(out).toMatch(/Examples?:\n {2}diffusiongym /);
      for (const part of ["--json", "--import PACKAGE", "--debug", "Exit codes:"]) {
        expect(out).toContain(part);
      }
      expect(
        Math.max(
          ...out
            .split("\n")
            .filter((line) => !line.startsWith("  diffusiongym"))
            .map((line) => line.length),
        ),
      ).toBeLessThanOrEqual(80);
      expect((await call(["help", name])).out).toBe(out);
    },
  );

  it("of adapt names every training option with its default", async () => {
    const { out } = await call(["adapt", "--help"]);
    for (const pattern of [
      /--iterations NUMBER +Iterations \(default 800\)/,
      /--batch-size/,
      /--steps/,
      /--learning-rate/,
      /--target martingale\|plain/,
      /--no-look-ahead/,
      /--width/,
      /--depth/,
      /--threads/,
      /--fresh/,
      /--seed/,
      /--out DIR/,
      /--time-grid/,
      /--noise/,
      /--reward-scale/,
      /-n, --count/,
    ]) {
      expect(out).toMatch(pattern);
    }
  });

  it("shows the options of the model and reward that were named", async () => {
    const { out } = await call(["adapt", "toy/gmm2d", "toy/halfspace", "--help"]);
    expect(out).toContain("Options of toy/gmm2d");
    expect(out).toContain("--model.means VALUE");
    expect(out).toMatch(/--reward\.threshold VALUE +default 1/);
  });

  it("has the version", async () => {
    expect((await call(["--version"])).out).toMatch(/^\d+\.\d+\.\d+\n$/);
  });
});

describe("bad usage ends with code 2, a message that helps, and no stack trace", () => {
  it.each([
    [["smaple"], 'There is no command "smaple". Did you mean "sample"?'],
    [["adapt"], "adapt takes a model and a reward, but 0 ids were given.\nSee: diffusiongym adapt --help"],
    [["adapt", "toy/gmm"], "but 1 id was given."],
    [["sample", "a/b", "c/d", "e/f"], "but 3 ids were given"],
    [["list", "toy", "images"], "list takes one modality at most"],
    [["adapt", "toy/gmm2dd", "toy/linear"], 'Did you mean "toy/gmm2d"?'],
    [["adapt", "toy/gmm2d", "toy/lineal"], 'Did you mean "toy/linear"?'],
    [["sample", "tyo/gmm"], 'There is no modality "tyo". Did you mean "toy"?'],
    [["sample", "gmm"], 'There is no modality "gmm".'],
    [["sample", "toy/gmm", "--model.mean", "[1]"], 'toy/gmm has no option "mean". Did you mean --model.means?'],
    [["sample", "toy/gmm", "toy/linear", "--reward.ofset", "1"], "Did you mean --reward.offset?"],
    [["sample", "toy/gmm", "--model.means", "[]"], "at least one component"],
    [["sample", "toy/gmm", "--model.outputType", "velocty"], 'did you mean "velocity"?'],
    [["sample", "toy/gmm", "--noise", "constant"], "give memoryless, ode, constant:SIGMA or scaled:A"],
    [["sample", "toy/gmm", "--time-grid", "0.1,0.5"], "the last time must be exactly 1"],
    [["sample", "toy/gmm", "--time-grid", "interor"], "neither interior nor reference nor times"],
    [["sample", "toy/gmm", "--time-grid", "0.001,1"], "multiplies the state by"],
    [["sample", "toy/gmm", "--time-grid", "0.001,1"], "or give --allow-expansive-grid to run it all the same"],
    [["sample", "toy/gmm", "--time-grid", "0.5,1", "--steps", "3"], "cannot both be given"],
    [["sample", "toy/gmm", "-n", "1.5"], "--count 1.5: this must be a whole number from 0 on."],
    [["sample", "toy/gmm", "--format", "cvs"], 'did you mean "csv"?'],
  ])("%j", async (args, message) => {
    const { code, out, err } = await call(args);
    expect(err).toContain(message);
    expect([code, out]).toEqual([2, ""]);
    expect(err).not.toMatch(/\n\s+at |undefined|\[object/);
  });

  it("shows the stack when asked", async () => {
    expect((await call(["smaple", "--debug"])).err).toMatch(/\n\s+at /);
    expect((await call(["smaple"], { environment: { DEBUG: "1" } })).err).toMatch(/\n\s+at /);
  });
});

describe("failed runs end with code 1", () => {
  it("says what the method needs", async () => {
    const { code, err } = await call(["adapt", "toy/gmm", "toy/linear", "--noise", "ode"], {
      folder: temporaryFolder(),
    });
    expect(code).toBe(1);
    expect(err).toContain("memoryless noise");
    expect(err).not.toMatch(/\n\s+at /);
  });

  it("says that a folder cannot be written", async () => {
    const folder = temporaryFolder();
    writeFileSync(join(folder, "file"), "");
    const { code, out, err } = await call(["sample", "toy/gmm", "-n", "3", "--out", "file/inside"], { folder });
    expect([code, out]).toEqual([1, ""]);
    expect(err).toContain("Could not write");
    expect(err).toContain("Check that the folder exists and may be written.");
  });
});

describe("list", () => {
  it("shows models and rewards with their options", async () => {
    const { code, out, err } = await call(["list"]);
    expect([code, err]).toEqual([0, ""]);
    expect(out).toMatch(/Base models:\n(.|\n)*toy\/gmm2d(.|\n)*--model\.means(.|\n)*Rewards:\n(.|\n)*toy\/linear/);
  });

  it("prints JSON and nothing else", async () => {
    const { out } = await call(["list", "toy", "--json"]);
    const parsed = JSON.parse(out) as { models: { id: string; options: object }[]; rewards: { id: string }[] };
    expect(parsed.models.map(({ id }) => id)).toContain("toy/gmm2d");
    expect(parsed.models.find(({ id }) => id === "toy/gmm2d")?.options).toHaveProperty("means");
    expect(parsed.rewards.map(({ id }) => id)).toContain("toy/linear");
  });
});

describe("--allow-expansive-grid", () => {
  it("runs what is refused without it", async () => {
    const { code, out } = await call(["sample", "toy/gmm", "--time-grid", "0.1,0.4,1", "--allow-expansive-grid"]);
    expect([code, out]).toEqual([0, expect.stringContaining("in 2 steps")]);
  });
});

describe("the process", () => {
  it("gets its Ctrl-C back when a command ends", async () => {
    const before = [process.listenerCount("SIGINT"), process.listenerCount("SIGTERM")];
    const { write } = process.stdout;
    process.stdout.write = () => true;
    try {
      expect(await main(["--version"])).toBe(0);
    } finally {
      process.stdout.write = write;
    }
    expect([process.listenerCount("SIGINT"), process.listenerCount("SIGTERM")]).toEqual(before);
  });
});

describe("--import", () => {
  it("names what a file needs and cannot find, rather than the file", async () => {
    const folder = temporaryFolder();
    writeFileSync(join(folder, "audio.mjs"), 'import "no-such-package-here";\n');
    const { code, err } = await call(["list", "--import", "./audio.mjs"], { folder });
    expect(code).toBe(1);
    expect(err).toContain('--import ./audio.mjs: it needs "no-such-package-here", which cannot be found');
    const absent = await call(["list", "--import", "./radio.mjs"], { folder });
    expect(absent.err).toBe(`--import ./radio.mjs: there is no such file, seen from ${folder}.\n`);
  });

  it("refuses a package that is not there, and one that registers nothing", async () => {
    const folder = temporaryFolder();
    writeFileSync(join(folder, "empty.mjs"), "export {};\n");
    const missing = await call(["list", "--import", "no-such-package-here"], { folder });
    expect([missing.code, missing.err]).toEqual([
      1,
      "--import no-such-package-here: there is no such package here. Install it with: npm install no-such-package-here\n",
    ]);
    const empty = await call(["list", "--import", "./empty.mjs"], { folder });
    expect(empty.code).toBe(2);
    expect(empty.err).toContain("registers no base model and no reward");
  });
});
