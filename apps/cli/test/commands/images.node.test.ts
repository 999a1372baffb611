import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { main } from "../../src/index.js";
import { fakeIo } from "../support/fake-io.js";
import { temporaryFolder } from "../support/temporary.js";
import { markupProblem } from "../support/well-formed.js";

const adapt = [
  ...["adapt", "images/scenes", "images/compression", "--reward-scale", "100", "--steps", "4"],
  ...["--iterations", "3", "--batch-size", "4", "--width", "8", "-n", "5"],
];

describe("the quickstart of the images", () => {
  it("writes pictures, shows both models with rewards in the report, and gives the same when it was stopped between", async () => {
    const folder = temporaryFolder();
    const whole = fakeIo({ folder });
    expect([await main([...adapt, "--out", "whole", "--json"], whole), whole.err()]).toEqual([0, expect.any(String)]);
    const files = readdirSync(join(folder, "whole"));
    for (const name of ["base.png", "base.webp", "adapted.png", "adapted.webp", "report.html", "value.onnx"]) {
      expect(files).toContain(name);
    }
    const html = readFileSync(join(folder, "whole", "report.html"), "utf8");
    expect(markupProblem(html)).toBe(undefined);
    expect(html.match(/<img [^>]*src="data:image\/png/g)).toHaveLength(10);
    expect(html.match(/<img [^>]*src="data:image\/webp/g)).toHaveLength(2);
    expect(html).not.toMatch(/src="(?!data:)|https?:/);
    expect(readFileSync(join(folder, "whole", "adapted.webp")).includes("ANIM")).toBe(true);

    const controller = new AbortController();
    const stopped = fakeIo({ folder, interrupted: controller.signal });
    const watch = setInterval(() => {
      if (existsSync(join(folder, "parts", "run", "metrics.jsonl"))) {
        controller.abort("SIGINT");
      }
    }, 1);
    expect(await main([...adapt, "--out", "parts"], stopped)).toBe(130);
    clearInterval(watch);
    expect(await main([...adapt, "--out", "parts"], fakeIo({ folder }))).toBe(0);
    for (const name of ["value.onnx", "adapted.png"]) {
      expect(readFileSync(join(folder, "parts", name)).equals(readFileSync(join(folder, "whole", name)))).toBe(true);
    }
  });

  it("sample writes a grid, the way from noise, and every image", async () => {
    const folder = temporaryFolder();
    const io = fakeIo({ folder });
    expect(await main(["sample", "images/scenes", "-n", "3", "--steps", "3", "--out", "out"], io)).toBe(0);
    expect(readdirSync(join(folder, "out")).sort()).toEqual(["images", "samples.json", "samples.png", "samples.webp"]);
    expect(readdirSync(join(folder, "out", "images"))).toEqual(["0000.png", "0001.png", "0002.png"]);
    expect(io.out()).toContain("wrote out/images");
  });
});
