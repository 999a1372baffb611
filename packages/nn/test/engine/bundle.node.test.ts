import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { expect, test } from "vitest";

const source = (path: string): string => fileURLToPath(new URL(`../../../../${path}`, import.meta.url));

/** The runtimes that a bundle of this package imports, and how. */
async function importedRuntimes(platform: "browser" | "node"): Promise<string[]> {
  const { metafile } = await build({
    entryPoints: [source("packages/nn/src/index.ts")],
    alias: { "@diffusiongym/core": source("packages/core/src/index.ts") },
    external: ["onnxruntime-node", "onnxruntime-web"],
    bundle: true,
    write: false,
    metafile: true,
    format: "esm",
    platform,
    logLevel: "silent",
  });
  return Object.values(metafile.outputs).flatMap(({ imports }) =>
    imports.filter(({ external }) => external).map(({ path, kind }) => `${kind} ${path}`),
  );
}

test("a bundle for browsers imports the Web runtime lazily, and not Node's", async () => {
  expect(await importedRuntimes("browser")).toEqual(["dynamic-import onnxruntime-web"]);
});

test("a bundle for Node imports Node's runtime and files lazily, and not the Web's runtime", async () => {
  const files = ["node:fs/promises", "node:path", "node:url"].map((name) => `dynamic-import ${name}`);
  expect((await importedRuntimes("node")).sort()).toEqual([...files, "dynamic-import onnxruntime-node"]);
});
