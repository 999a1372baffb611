import { ArgumentError } from "@diffusiongym/core";
import { beforeAll, describe, expect, test } from "vitest";
import type { Trainable } from "../../src/onnx/index.js";
import { parseOnnx } from "../../src/onnx/index.js";
import { exported } from "./exports.js";
import { code, fileOf, floatTensor, graph, node, value } from "./model-file.js";

describe("choosing what is trained", () => {
  let file: Uint8Array;
  beforeAll(async () => {
    file = await exported("names.script.onnx");
  });
  const chosen = (trainable?: Trainable) =>
    parseOnnx(file, { names: "pytorch", ...(trainable !== undefined && { trainable }) }).parameters;

  test("everything, nothing, patterns, expressions, lists, a function", () => {
    expect(chosen()).toEqual(chosen("all"));
    expect(chosen("all").length).toBe(20);
    expect(chosen("none")).toEqual([]);
    expect(chosen("head.*")).toEqual(["head.bias", "head.weight"]);
    expect(chosen("*.ff.*.weight")).toHaveLength(4);
    expect(chosen("head.bias")).toEqual(["head.bias"]);
    expect(chosen(/^head\.w/g)).toEqual(["head.weight"]);
    expect(chosen(["conv.*", /head/, "head.bias"])).toEqual(["head.bias", "conv.weight", "conv.bias", "head.weight"]);
    expect(chosen((name, { shape }) => shape.length === 3 && name !== "")).toEqual(["conv.weight"]);
    expect(chosen([])).toEqual([]);
  });

  test("leaves alone what an exporter made up, and what decides shapes", () => {
    const x = value("x", code.float, ["N", 2, 4]);
    const made = fileOf(
      graph({
        inputs: [x],
        outputs: [value("y", code.float)],
        initializers: [
          floatTensor("val_1", [], [0.5]),
          floatTensor("logit_scale", [], [2]),
          floatTensor("val_2", [2], [1, 1]),
          floatTensor("val_3", [2], [0, 0]),
          floatTensor("val_4", [3], [1, 1, 2]),
          floatTensor("val_5", [2, 1], [3, 4]),
        ],
        nodes: [
          node("InstanceNormalization", ["x", "val_2", "val_3"], ["n"]),
          node("Mul", ["n", "val_5"], ["w"]),
          node("Mul", ["w", "val_1"], ["h"]),
          node("Mul", ["h", "logit_scale"], ["s"]),
          node("Resize", ["s", "", "val_4"], ["y"]),
        ],
      }),
    );
    expect(parseOnnx(made).parameters).toEqual(["logit_scale", "val_5"]);
    expect(parseOnnx(made, { trainable: "*" }).parameters).not.toContain("val_4");
    expect(parseOnnx(made, { trainable: "val_1" }).parameters).toEqual(["val_1"]);
    expect(() => parseOnnx(made, { trainable: "val_4" })).toThrow(/which is a factor of shapes/);
  });

  test("a pattern that matches nothing is refused, with the nearest name", () => {
    expect(() => chosen("haed.weight")).toThrow(ArgumentError);
    expect(() => chosen("haed.weight")).toThrow(
      /matches none of the 20 float32 tensors .* did you mean "head.weight"\?/,
    );
    expect(() => chosen("haed.*")).toThrow(/did you mean "head\.(bias|weight)"\?/);
    expect(() => chosen("*.wieght")).toThrow(/did you mean ".*\.weight"\?/);
    expect(() => chosen("transformer.*")).toThrow(/that the file stores\.$/);
    expect(() => chosen(["head.*", /nowhere/])).toThrow(/\/nowhere\/ matches none/);
    // A dot is a dot, not any character.
    expect(() => chosen("head_*")).toThrow(ArgumentError);
  });
});
