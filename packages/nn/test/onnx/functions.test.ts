import { FormatError, IncompatibleError } from "@diffusiongym/core";
import { describe, expect, test } from "vitest";
import { expectAllClose } from "../../../../tooling/test/close.js";
import { vjp } from "../../src/autodiff/index.js";
import { parseOnnx, writeOnnx } from "../../src/onnx/index.js";
import { floats } from "../ops/cases.js";
import { runGraph } from "../ops/run-graph.js";
import {
  AttributeKind,
  attr,
  code,
  definition,
  fileOf,
  floatTensor,
  graph,
  node,
  runFile,
  value,
} from "./model-file.js";

const x = value("x", code.float, ["N", 2]);
const y = value("y", code.float, ["N", 2]);
const local = { domain: "local" };

/** h = LeakyRelu(a) with the slope that is given or 0.5, then h + b if b is there. */
const inner = definition({
  name: "Inner",
  inputs: ["a", "b"],
  outputs: ["out", "raw"],
  defaults: [attr.float("slope", 0.5)],
  nodes: [
    node("LeakyRelu", ["a"], ["h"], { attributes: [attr.reference("alpha", "slope", AttributeKind.FLOAT)] }),
    node("Identity", ["h"], ["raw"]),
    node("Clip", ["h", "", "b"], ["out"]),
  ],
});

/** Calls Inner twice with values named as its own are, and a constant that it was given. */
const outer = definition({
  name: "Outer",
  inputs: ["x"],
  outputs: ["y"],
  attributes: ["slope", "shift"],
  nodes: [
    node("Constant", [], ["h"], { attributes: [attr.reference("value_float", "shift", AttributeKind.FLOAT)] }),
    node("Inner", ["x", "h"], ["a", ""], {
      ...local,
      name: "first",
      attributes: [attr.reference("slope", "slope", AttributeKind.FLOAT)],
    }),
    node("Inner", ["x"], ["b", "unused"], { ...local, name: "second" }),
    node("Add", ["a", "b"], ["y"]),
  ],
});

const main = graph({
  inputs: [x],
  outputs: [y],
  initializers: [floatTensor("h", [2], [1, 2])],
  nodes: [
    node("Outer", ["x"], ["a"], {
      ...local,
      name: "call",
      attributes: [attr.float("slope", 0.25), attr.float("shift", 0.75)],
    }),
    node("Outer", ["a"], ["b"], {
      ...local,
      name: "call2",
      attributes: [attr.float("slope", 2), attr.float("shift", 1.5)],
    }),
    node("Add", ["b", "h"], ["y"]),
  ],
});

describe("functions of a model", () => {
  const file = fileOf(main, { functions: [inner, outer] });
  const feeds = { x: floats([3, 2]) };

  test("are written out: nested, with attributes by reference and by default, absent inputs, and names that repeat", async () => {
    const read = parseOnnx(file);
    expect(read.nodes.every(({ domain, opaque }) => domain === "" && opaque === undefined)).toBe(true);
    const expected = await runFile(file, feeds);
    expectAllClose((await runGraph(read, feeds)).y!.data as Float32Array, expected.y!.data, { absolute: 1e-6 });
    expect(parseOnnx(writeOnnx(read)).nodes).toEqual(read.nodes);
    expect(vjp(read, { wrt: ["h", "x"] }).gradients.size).toBe(2);
  });

  test("use the operator set that they name themselves", async () => {
    const mean = definition({
      name: "Mean",
      inputs: ["v"],
      outputs: ["m"],
      opset: 17,
      nodes: [node("ReduceMean", ["v"], ["m"], { attributes: [attr.ints("axes", 1)] })],
    });
    const calls = graph({ inputs: [x], outputs: [value("y", code.float)], nodes: [node("Mean", ["x"], ["y"], local)] });
    expect(parseOnnx(fileOf(calls, { functions: [mean] })).valueInfo.get("y")?.shape).toEqual(["N", 1]);
  });

  test("may give back what they are given", async () => {
    const same = definition({ name: "Same", inputs: ["v"], outputs: ["v", "w"], nodes: [node("Neg", ["v"], ["w"])] });
    const calls = graph({
      inputs: [x],
      outputs: [y, value("z", code.float)],
      nodes: [node("Same", ["x"], ["y", "z"], local)],
    });
    const results = await runGraph(parseOnnx(fileOf(calls, { functions: [same] })), feeds);
    expect(results.y!.data).toEqual(feeds.x.data);
    expect(results.z!.data).toEqual((feeds.x.data as Float32Array).map((entry) => -entry));
  });

  test("that call themselves, take too much, make too little or grow beyond bounds are refused", () => {
    const of = (...functions: Parameters<typeof definition>[0][]) =>
      fileOf(graph({ inputs: [x], outputs: [y], nodes: [node("F0", ["x"], ["y"], local)] }), {
        functions: functions.map(definition),
      });
    const one = (nodes: ReturnType<typeof node>[], inputs = ["a"]) => ({ name: "F0", inputs, outputs: ["b"], nodes });
    expect(() => parseOnnx(of(one([node("F0", ["a"], ["b"], local)])))).toThrow(/function "F0" calls itself/);
    expect(() => parseOnnx(of(one([node("Relu", ["a"], ["c"])])))).toThrow(/does not make its output "b"/);
    expect(() => parseOnnx(of(one([node("Relu", ["c"], ["b"])])))).toThrow(/reads "c", which nothing makes/);
    expect(() => parseOnnx(of(one([], [])))).toThrow(FormatError);
    const doubling = Array.from({ length: 30 }, (_, i) => ({
      name: `F${i}`,
      inputs: ["a"],
      outputs: ["b"],
      nodes: [node(`F${i + 1}`, ["a"], ["c"], local), node(`F${i + 1}`, ["c"], ["b"], local)],
    }));
    const last = { name: "F30", inputs: ["a"], outputs: ["b"], nodes: [node("Relu", ["a"], ["b"])] };
    expect(() => parseOnnx(of(...doubling, last))).toThrow(IncompatibleError);
  });
});
