import { AbortError, FormatError } from "@diffusiongym/core";
import { expect, test } from "vitest";
import { FileError } from "../../src/files/index.js";
import { Network } from "../../src/network/index.js";
import { openOnnx, parseOnnx } from "../../src/onnx/index.js";
import { exported } from "../onnx/exports.js";

// In Node and in browsers alike; what only Node has is in open.node.test.ts.
test("models are opened from Blobs, their addresses and bytes", async () => {
  const bytes = await exported("names.dynamo.onnx");
  const blob = new Blob([bytes]);
  const address = URL.createObjectURL(blob);
  const expected = parseOnnx(bytes);
  for (const source of [bytes, bytes.buffer, blob, address, new URL(address)]) {
    expect(await openOnnx(source)).toEqual(expected);
  }
  const network = await Network.open(blob, { trainable: "head.*" });
  expect(network.parameters.names).toEqual(["head.bias"]);
  URL.revokeObjectURL(address);
});

test("what is not there, not a model, or not wanted any more is an error in words", async () => {
  await expect(openOnnx("nowhere/at-all.onnx")).rejects.toThrow(/nowhere\/at-all\.onnx/);
  await expect(openOnnx(new Blob(["<!doctype html>"]))).rejects.toThrow(FormatError);
  await expect(openOnnx("blob:nodedata:nothing")).rejects.toThrow(FileError);
  await expect(openOnnx(new Blob([]), { signal: AbortSignal.abort() })).rejects.toThrow(AbortError);
});
