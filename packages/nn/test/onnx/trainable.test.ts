import { ArgumentError } from "@diffusiongym/core";
import { beforeAll, describe, expect, test } from "vitest";
import type { Trainable } from "../../src/onnx/index.js";
import { parseOnnx } from "../../src/onnx/index.js";
import { exported } from "./exports.js";

describe("choosing what is trained", () => {
  let file: Uint8Array;
  beforeAll(async () => {
    file = await exported("names.script.onnx");
  });
  const chosen = (trainable?: Trainable) =>
    parseOnnx(file, { names: "pytorch", ...(trainable !== undefined && { trainable }) }).parameters;

  test("everything, nothing, patterns, expressions, lists, a function", () => {
    expect(chosen()).toEqual(chosen("all"));
    expect(chosen("all").length).toBe(18);
    expect(chosen("none")).toEqual([]);
    expect(chosen("head.*")).toEqual(["head.bias", "head.weight"]);
    expect(chosen("*.ff.*.weight")).toHaveLength(4);
    expect(chosen("head.bias")).toEqual(["head.bias"]);
    expect(chosen(/^head\.w/g)).toEqual(["head.weight"]);
    expect(chosen(["conv.*", /head/, "head.bias"])).toEqual(["head.bias", "conv.weight", "conv.bias", "head.weight"]);
    expect(chosen((name, { shape }) => shape.length === 3 && name !== "")).toEqual(["conv.weight"]);
    expect(chosen([])).toEqual([]);
  });

  test("a pattern that matches nothing is refused, with the nearest name", () => {
    expect(() => chosen("haed.weight")).toThrow(ArgumentError);
    expect(() => chosen("haed.weight")).toThrow(
      /matches none of the 18 float32 tensors .* did you mean "head.weight"\?/,
    );
    expect(() => chosen(["head.*", /nowhere/])).toThrow(/\/nowhere\/ matches none/);
    // A dot is a dot, not any character.
    expect(() => chosen("head_*")).toThrow(ArgumentError);
  });
});
