import { AbortError, ArgumentError, FormatError } from "@diffusiongym/core";
import { describe, expect, test } from "vitest";
import { readSafetensors, SafetensorsFile, writeSafetensors } from "../../src/safetensors/index.js";

const file = writeSafetensors(
  [
    ["b.half", { data: Float32Array.of(1, -0.5, 65504, 2 ** -24), shape: [2, 2], type: "F16" }],
    ["a.weight", { data: Float32Array.of(1, 2, 3), shape: [3] }],
    ["z.index", { data: BigInt64Array.of(7n), shape: [] }],
    ["mask", { data: Uint8Array.of(1, 0), shape: [2], type: "BOOL" }],
    ["empty", { data: new Float32Array(0), shape: [0] }],
  ],
  { format: "pt" },
);

describe("a file that is read tensor by tensor", () => {
  test.each([
    ["bytes", file],
    ["a Blob", new Blob([file])],
    ["an address", URL.createObjectURL(new Blob([file]))],
  ])("gives what the whole file gives, from %s", async (_, source) => {
    const whole = readSafetensors(file);
    const opened = await SafetensorsFile.open(source);
    expect(opened.metadata).toEqual({ format: "pt" });
    expect(opened.tensors.get("b.half")).toEqual({ type: "F16", shape: [2, 2] });
    expect([...opened.tensors.keys()]).toEqual([...whole.tensors.keys()]);
    for (const name of [...opened.tensors.keys()].reverse()) {
      const { data, shape, type } = await opened.read(name);
      expect({ data, shape, type }).toEqual({
        data: whole.tensors.get(name)!.data,
        shape: whole.tensors.get(name)!.shape,
        type: whole.tensors.get(name)!.type,
      });
    }
    const seen = [];
    for await (const [name] of opened) {
      seen.push(name);
    }
    expect(seen.sort()).toEqual([...whole.tensors.keys()].sort());
    await opened.close();
  });

  test("names the nearest tensor, and stops when asked to", async () => {
    const opened = await SafetensorsFile.open(file);
    await expect(opened.read("a.wieght")).rejects.toThrow(ArgumentError);
    await expect(opened.read("a.wieght")).rejects.toThrow(/did you mean "a.weight"/);
    const address = URL.createObjectURL(new Blob([file]));
    await expect(SafetensorsFile.open(address, { signal: AbortSignal.abort() })).rejects.toThrow(AbortError);
  });

  test("is refused in words wherever it is cut short", async () => {
    for (let length = 0; length < file.length; length++) {
      await expect(SafetensorsFile.open(new Blob([file.subarray(0, length)])), `${length}`).rejects.toThrow(
        FormatError,
      );
    }
  });
});
