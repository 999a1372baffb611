import { type ChildProcess, spawn } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { afterAll, beforeAll, expect, it } from "vitest";

const iterations = 60;
const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
// Beside the package's node_modules, so that the bundle finds the runtime that it leaves out.
const bundle = here("../../../nn/node_modules/.cache/resume-worker.mjs");
const source = (name: string): string => here(`../../../${name}/src/index.ts`);
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "diffusiongym-resume-"));
  await build({
    entryPoints: [here("resume-worker.ts")],
    outfile: bundle,
    bundle: true,
    platform: "node",
    format: "esm",
    external: ["onnxruntime-node", "onnxruntime-web"],
    alias: {
      "@diffusiongym/core": source("core"),
      "@diffusiongym/methods": source("methods"),
      "@diffusiongym/nn": source("nn"),
      "@diffusiongym/toy": source("toy"),
    },
    ignoreAnnotations: true,
    logLevel: "warning",
  });
});
afterAll(() => rm(folder, { recursive: true, force: true }));

function start(name: string): ChildProcess {
  return spawn(process.execPath, [bundle, join(folder, name), String(iterations)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
}

/** Runs to the end, or kills the process with SIGKILL as soon as an iteration is reported. */
function finish(child: ChildProcess, killAt = Number.POSITIVE_INFINITY): Promise<NodeJS.Signals | number | null> {
  return new Promise((resolve, reject) => {
    let output = "";
    child.stdout!.on("data", (chunk: Buffer) => {
      output += chunk.toString();
      const last = Number(output.trim().split("\n").at(-1));
      if (last >= killAt) child.kill("SIGKILL");
    });
    child.on("error", reject);
    child.on("exit", (code, signal) => resolve(signal ?? code));
  });
}

const checkpoint = (name: string): Promise<Buffer> => readFile(join(folder, name, "checkpoint.safetensors"));

it("a run killed twice in the middle ends with the very bytes of one that was not", async () => {
  expect(await finish(start("whole"))).toBe(0);
  expect(await finish(start("killed"), 17)).toBe("SIGKILL");
  expect(await finish(start("killed"), 33)).toBe("SIGKILL");
  expect((await checkpoint("killed")).equals(await checkpoint("whole"))).toBe(false);
  expect(await finish(start("killed"))).toBe(0);
  expect((await checkpoint("killed")).equals(await checkpoint("whole"))).toBe(true);
  const metrics = async (name: string): Promise<object[]> =>
    (await readFile(join(folder, name, "metrics.jsonl"), "utf8"))
      .trim()
      .split("\n")
      .map((line) => ({ ...JSON.parse(line), step_time: 0 }));
  expect(await metrics("killed")).toEqual(await metrics("whole"));
}, 180_000);
