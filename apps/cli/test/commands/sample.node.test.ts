import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { make } from "@diffusiongym/core";
import { describe, expect, it } from "vitest";
import { main } from "../../src/index.js";
import { fakeIo } from "../support/fake-io.js";
import { temporaryFolder } from "../support/temporary.js";
import { markupProblem } from "../support/well-formed.js";

describe("sample", () => {
  it("prints samples as JSON: those that the library gives, to the last bit", async () => {
    const io = fakeIo();
    expect(
      await main(
        ["sample", "toy/gmm2d", "toy/linear", "-n", "5", "--steps", "10", "--seed", "3", "--batch-size", "2", "--json"],
        io,
      ),
    ).toBe(0);
    const printed = JSON.parse(io.out()) as {
      samples: number[][];
      rewards: number[];
      rewardMean: number;
      length: number;
    };
    const environment = await make("toy/gmm2d", "toy/linear", { steps: 10 });
    const expected = await environment.sample(5, { seed: 3 });
    expect(printed.samples.flat().map(Math.fround)).toEqual(Array.from(expected.sample.data));
    expect(printed.rewards.map(Math.fround)).toEqual(Array.from(expected.rewards));
    expect(printed.length).toBe(5);
  });

  it("writes samples and a picture into a folder", async () => {
    const folder = temporaryFolder();
    const io = fakeIo({ folder });
    expect(await main(["sample", "toy/gmm", "toy/quadratic", "-n", "300", "--out", "out", "--format", "csv"], io)).toBe(
      0,
    );
    expect(readdirSync(join(folder, "out")).sort()).toEqual(["samples.csv", "samples.svg"]);
    const lines = readFileSync(join(folder, "out", "samples.csv"), "utf8")
      .trimEnd()
      .split("\n");
    expect(lines[0]).toBe("x1,reward,valid");
    expect(lines).toHaveLength(301);
    const [x, reward, valid] = lines[1]!.split(",").map(Number);
    expect(reward).toBeCloseTo(-0.5 * (x! - 1) ** 2, 4);
    expect(valid).toBe(1);
    const svg = readFileSync(join(folder, "out", "samples.svg"), "utf8");
    expect(markupProblem(svg)).toBe(undefined);
    expect(svg).toContain("base, exact density");
    expect(io.out()).toContain("300 samples of toy/gmm in 50 steps");
    expect(io.out()).toContain("wrote out/samples.csv");
  });

  it("takes options of the parts", async () => {
    const io = fakeIo();
    const args = [
      "sample",
      "toy/gmm",
      "--model.means",
      "[7]",
      "--model.standardDeviations",
      "0.01",
      "-n",
      "4",
      "--noise",
      "ode",
      "--json",
    ];
    expect(await main(args, io)).toBe(0);
    const { samples, spec } = JSON.parse(io.out()) as { samples: number[][]; spec: object };
    for (const [x] of samples) {
      expect(Math.abs(x! - 7)).toBeLessThan(0.5);
    }
    expect(spec).toMatchObject({
      baseModel: { id: "toy/gmm", options: { means: [7] } },
      noiseSchedule: { type: "constant", sigma: 0 },
    });
  });

  it("gives no samples when none are asked for", async () => {
    const io = fakeIo();
    expect(await main(["sample", "toy/gmm", "-n", "0", "--json"], io)).toBe(0);
    expect(JSON.parse(io.out())).toMatchObject({ samples: [], rewards: [], length: 0 });
  });

  it("stops when interrupted, with code 130 and without a file", async () => {
    const folder = temporaryFolder();
    const controller = new AbortController();
    controller.abort("SIGINT");
    const io = fakeIo({ folder, interrupted: controller.signal });
    expect(await main(["sample", "toy/gmm", "--out", "out"], io)).toBe(130);
    expect(io.err()).toBe("Interrupted; no samples were written.\n");
    expect(existsSync(join(folder, "out"))).toBe(false);
  });
});
