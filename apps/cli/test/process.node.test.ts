import { spawn } from "node:child_process";
import {
  accessSync,
  constants,
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { temporaryFolder } from "./support/temporary.js";

/** What `npm run build` has made: these tests are about the program as it is installed. */
const bin = fileURLToPath(new URL("../bin/diffusiongym.js", import.meta.url));

interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** Starts the program; `interact` may press keys or close pipes meanwhile. */
async function start(
  args: readonly string[],
  folder: string,
  {
    interact = () => undefined,
    program = bin,
  }: {
    readonly interact?: (child: ReturnType<typeof spawn>) => void | Promise<void>;
    readonly program?: string;
  } = {},
): Promise<Ended> {
  const child = spawn(process.execPath, [program, ...args], {
    cwd: folder,
    stdio: ["ignore", "pipe", "pipe"],
    // What runs the tests may say where else packages are; a user's shell does not.
    env: { ...process.env, NODE_PATH: "" },
  });
  let [out, err] = ["", ""];
  child.stdout?.on("data", (data) => {
    out += data;
  });
  child.stderr?.on("data", (data) => {
    err += data;
  });
  const ended = new Promise<number | null>((resolve) => child.on("close", resolve));
  await interact(child);
  return { code: await ended, out, err };
}

const training = ["--batch-size", "32", "--steps", "8", "--width", "8", "--depth", "1", "-n", "200", "--out", "out"];

async function untilTrained(folder: string, iterations: number): Promise<void> {
  const metrics = join(folder, "out", "run", "metrics.jsonl");
  while (!existsSync(metrics) || readFileSync(metrics, "utf8").split("\n").length <= iterations) {
    await setTimeout(5);
  }
}

describe("the program", () => {
  it("is executable as it is", () => {
    expect(readFileSync(bin, "utf8")).toMatch(/^#!\/usr\/bin\/env node\n/);
    accessSync(bin, constants.X_OK);
  });

  it("prints JSON on stdout and nothing else, and ends with 0", async () => {
    const { code, out, err } = await start(
      ["sample", "toy/gmm2d", "toy/linear", "-n", "7", "--json"],
      temporaryFolder(),
    );
    expect([code, err]).toEqual([0, expect.stringMatching(/^sampling 7\/7/)]);
    expect((JSON.parse(out) as { samples: unknown[] }).samples).toHaveLength(7);
  });

  it("ends with 2 and a message for an unknown id", async () => {
    const { code, out, err } = await start(["sample", "toy/gnn"], temporaryFolder());
    expect([code, out]).toEqual([2, ""]);
    expect(err).toContain('Did you mean "toy/gmm"?');
    expect(err).not.toMatch(/\n\s+at |Node\.js v/);
  });

  it("says how to install a modality's package, and takes it from the user's project", async () => {
    // A copy outside the repository, which has every package at hand.
    const elsewhere = temporaryFolder();
    for (const part of ["bin", "dist", "package.json"]) {
      cpSync(fileURLToPath(new URL(`../${part}`, import.meta.url)), join(elsewhere, part), { recursive: true });
    }
    symlinkSync(fileURLToPath(new URL("../node_modules", import.meta.url)), join(elsewhere, "node_modules"));
    const alone = { program: join(elsewhere, "bin", "diffusiongym.js") };
    const folder = temporaryFolder();
    const missing = await start(["list", "images"], folder, alone);
    expect([missing.code, missing.err]).toEqual([
      1,
      'The modality "images" is in a package that is not installed: npm install @diffusiongym/images\n',
    ]);
    expect((await start(["list"], folder, alone)).out).toContain("Not installed: npm install @diffusiongym/images");
    mkdirSync(join(folder, "node_modules", "@diffusiongym"), { recursive: true });
    symlinkSync(
      fileURLToPath(new URL("../../../packages/images", import.meta.url)),
      join(folder, "node_modules", "@diffusiongym", "images"),
    );
    const { code, out } = await start(["list", "images"], folder, alone);
    expect(code).toBe(0);
    expect(out).toContain("images/compression");
  });

  it("takes models and rewards of a third party", async () => {
    const folder = temporaryFolder();
    // The folder is a project that has the command's own packages installed.
    symlinkSync(fileURLToPath(new URL("../node_modules", import.meta.url)), join(folder, "node_modules"));
    writeFileSync(
      join(folder, "audio.mjs"),
      `import { registerBaseModel } from "@diffusiongym/core";
       import { GaussianMixture, GaussianMixtureModel } from "@diffusiongym/toy";
       const makeWave = ({ rate = 5 }) => new GaussianMixtureModel({ mixture: GaussianMixture.from({ means: [rate], standardDeviations: 0.01 }) });
       registerBaseModel("audio/wave", makeWave, { description: "a wave", options: { rate: "default 5" } });`,
    );
    const args = ["sample", "audio/wave", "--import", "./audio.mjs", "-n", "2", "--json"];
    const { code, out } = await start([...args, "--model.rate", "9"], folder);
    expect(code).toBe(0);
    for (const [x] of (JSON.parse(out) as { samples: number[][] }).samples) {
      expect(x).toBeCloseTo(9, 0);
    }
    const misspelt = await start([...args, "--model.raet", "9"], folder);
    expect([misspelt.code, misspelt.err]).toEqual([2, expect.stringContaining("Did you mean --model.rate?")]);
  });

  it("does not mind a reader that goes away", async () => {
    const { code, err } = await start(
      ["sample", "toy/gmm2d", "-n", "20000", "--steps", "5", "--json"],
      temporaryFolder(),
      {
        interact: (child) => {
          child.stdout?.destroy();
        },
      },
    );
    expect(code).toBe(0);
    expect(err).not.toMatch(/EPIPE|Error/);
  });

  it("stops at Ctrl-C with 130, says how to continue, and does", async () => {
    const folder = temporaryFolder();
    const args = ["adapt", "toy/gmm", "toy/linear", "--iterations", "60", ...training];
    const stopped = await start([...args, "--fresh"], folder, {
      interact: async (child) => {
        await untilTrained(folder, 2);
        child.kill("SIGINT");
      },
    });
    const done = Number(/Interrupted after (\d+) of 60 iterations/.exec(stopped.err)?.[1]);
    expect(stopped.code).toBe(130);
    expect(done).toBeGreaterThanOrEqual(2);
    expect(done).toBeLessThan(60);
    expect(stopped.err).toContain(`continue with:\n  diffusiongym ${args.join(" ")}\n`);
    expect(stopped.err).not.toMatch(/\n\s+at /);
    const continued = await start([...args, "--json"], folder);
    expect(continued.code).toBe(0);
    expect(continued.err).toContain(`continuing after iteration ${done} from out/run`);
    const uninterrupted = await start([...args, "--json"], temporaryFolder());
    const results = ({ out }: Ended): unknown => (JSON.parse(out) as { results: unknown }).results;
    expect(results(continued)).toEqual(results(uninterrupted));
  });
});
