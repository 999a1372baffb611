import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { FormatError } from "@diffusiongym/core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { FileError } from "../../src/files/index.js";
import { readSafetensors, SafetensorsFile, writeSafetensors } from "../../src/safetensors/index.js";
import { pseudoRandom } from "../ops/run-graph.js";
import { FileServer } from "./server.js";

const bytes = writeSafetensors(
  Array.from({ length: 5 }, (_, i) => [`layer.${i}`, { data: pseudoRandom(i, 300_000), shape: [300, 1000] }] as const),
);
/** Comparing arrays entry by entry takes the matcher of the tests a minute. */
const isSame = (a: ArrayBufferView, b: ArrayBufferView): boolean =>
  Buffer.from(a.buffer, a.byteOffset, a.byteLength).equals(Buffer.from(b.buffer, b.byteOffset, b.byteLength));

let folder: string;
let address: string;
const server = new FileServer(
  new Map([
    ["/parts.safetensors", { bytes }],
    ["/whole.safetensors", { bytes, ranges: false }],
    ["/chunked.safetensors", { bytes, chunked: true }],
    ["/short.safetensors", { bytes: bytes.subarray(0, 2_000_000), chunked: true }],
    ["/cut.safetensors", { bytes: bytes.subarray(0, 2_000_000) }],
  ]),
);
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "nn-safetensors-"));
  await writeFile(join(folder, "layers.safetensors"), bytes);
  address = await server.start();
});
afterAll(async () => {
  await server.stop();
  await rm(folder, { recursive: true });
});

test.each(["path", "parts", "whole", "chunked"])("one tensor, or all in the file's order: %s", async (kind) => {
  const whole = readSafetensors(bytes).tensors;
  const source = kind === "path" ? join(folder, "layers.safetensors") : `${address}/${kind}.safetensors`;
  const file = await SafetensorsFile.open(source);
  for (const name of ["layer.3", "layer.0"]) {
    expect(isSame((await file.read(name)).data, whole.get(name)!.data)).toBe(true);
  }
  server.requests.length = 0;
  const names: string[] = [];
  for await (const [name, { data }] of file) {
    expect(isSame(data, whole.get(name)!.data)).toBe(true);
    names.push(name);
  }
  expect(names).toEqual([0, 1, 2, 3, 4].map((i) => `layer.${i}`));
  // The stream stands behind the first tensor; from there on it is one for all.
  expect(server.requests.length).toBe(kind === "path" ? 0 : 1);
  await file.close();
});

test("files that are missing or cut short are named", async () => {
  await expect(SafetensorsFile.open(join(folder, "none.safetensors"))).rejects.toThrow(FileError);
  await expect(SafetensorsFile.open(`${address}/none.safetensors`)).rejects.toThrow(/answered 404/);
  await expect(SafetensorsFile.open(`${address}/cut.safetensors`)).rejects.toThrow(/it may be truncated/);
  const short = await SafetensorsFile.open(`${address}/short.safetensors`);
  await expect(short.read("layer.4")).rejects.toThrow(FormatError);
  await short.close();
});
