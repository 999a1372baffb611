import { ArgumentError, MissingPackageError } from "@diffusiongym/core";
import { expect, test } from "vitest";
import { importRuntime, loadRuntime } from "../../src/engine/runtime.js";

test("a missing package is named with the command that installs it", async () => {
  const missing = importRuntime("onnxruntime-node", () => Promise.reject(new Error("Cannot find package")));
  await expect(missing).rejects.toThrow(MissingPackageError);
  await expect(missing).rejects.toThrow("npm install onnxruntime-node@^1.30.0");
  await expect(missing).rejects.toMatchObject({ packageName: "onnxruntime-node" });
});

test("a package that is something else is refused", async () => {
  await expect(importRuntime("onnxruntime-node", async () => ({ default: {} }))).rejects.toThrow(ArgumentError);
});

test("the platform's runtime is loaded once", async () => {
  const runtime = await loadRuntime();
  expect(await loadRuntime()).toBe(runtime);
  const isNode = typeof document === "undefined";
  expect(runtime.env.versions.node !== undefined).toBe(isNode);
});
