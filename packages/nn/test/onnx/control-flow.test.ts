import { describe, expect, test } from "vitest";
import { expectAllClose } from "../../../../tooling/test/close.js";
import { vjp } from "../../src/autodiff/index.js";
import { prune, rename, subgraphsOf, validate } from "../../src/ir/index.js";
import { parseOnnx, writeOnnx } from "../../src/onnx/index.js";
import { floats } from "../ops/cases.js";
import { runGraph } from "../ops/run-graph.js";
import {
  attr,
  code,
  definition,
  fileOf,
  floatTensor,
  graph,
  intTensor,
  node,
  runFile,
  tensor,
  value,
} from "./model-file.js";

const x = value("x", code.float, ["N", 2]);
const y = value("y", code.float, ["N", 2]);
const flag = (name: string, given: number) => tensor(name, { dims: [], dataType: code.bool, int32Data: [given] });
const branch = (op: string, shift: string) =>
  graph({
    nodes: [node(op, ["h"], ["t"]), node("Add", ["t", shift], ["result"])],
    outputs: [value("result", code.float)],
  });
const choice = (condition: string) =>
  node("If", [condition], ["y"], {
    name: "choice",
    attributes: [attr.graph("then_branch", branch("Relu", "one")), attr.graph("else_branch", branch("Neg", "two"))],
  });
const constants = [floatTensor("one", [2], [1, -1]), floatTensor("two", [2], [2, -2])];
const feeds = { x: floats([3, 2]) };

describe("branches", () => {
  test.each([0, 1])("that a constant decides (%i) become part of the graph, and have derivatives", async (given) => {
    const file = fileOf(
      graph({
        inputs: [x],
        outputs: [y],
        initializers: [...constants, flag("yes", given)],
        nodes: [node("Tanh", ["x"], ["h"]), choice("yes")],
      }),
    );
    const read = parseOnnx(file);
    expect(read.nodes.map(({ op }) => op)).toEqual(["Tanh", given ? "Relu" : "Neg", "Add"]);
    expect([...read.initializers.keys()]).toEqual([given ? "one" : "two"]);
    expectAllClose((await runGraph(read, feeds)).y!.data as Float32Array, (await runFile(file, feeds)).y!.data, {
      absolute: 1e-6,
    });
    expect(vjp(read, { wrt: ["x"] }).gradients.size).toBe(1);
  });

  test("that shapes decide are taken as soon as the lengths are known", async () => {
    const file = fileOf(
      graph({
        inputs: [value("x", code.float, ["N", "C"])],
        outputs: [value("y", code.float, ["N", "C"])],
        initializers: [...constants, intTensor("at", [], [1]), intTensor("wanted", [], [2])],
        nodes: [
          node("Shape", ["x"], ["shape"]),
          node("Gather", ["shape", "at"], ["length"]),
          node("Equal", ["length", "wanted"], ["same"]),
          node("Not", ["same"], ["different"]),
          node("Identity", ["x"], ["h"]),
          choice("different"),
        ],
      }),
    );
    expect(parseOnnx(file).nodes.some(({ op }) => op === "If")).toBe(true);
    const read = parseOnnx(file, { dims: { C: 2 } });
    expect(read.nodes.map(({ op }) => op)).toEqual(["Identity", "Neg", "Add"]);
    expectAllClose((await runGraph(read, feeds)).y!.data as Float32Array, (await runFile(file, feeds)).y!.data, {
      absolute: 1e-6,
    });
  });

  test("that give back what is around them, or the same value twice, are copied", async () => {
    const both = graph({ nodes: [node("Neg", ["x"], ["n"])], outputs: [value("n"), value("n"), value("x")] });
    const taken = node("If", ["yes"], ["y", "z", "w"], {
      attributes: [attr.graph("then_branch", both), attr.graph("else_branch", both)],
    });
    const outputs = ["y", "z", "w"].map((name) => value(name, code.float, ["N", 2]));
    const file = fileOf(graph({ inputs: [x], outputs, initializers: [flag("yes", 1)], nodes: [taken] }));
    const results = await runGraph(parseOnnx(file), feeds);
    expect(results.w!.data).toEqual(feeds.x.data);
    expect(results.z!.data).toEqual(results.y!.data);
  });

  const undecided = fileOf(
    graph({
      inputs: [x],
      outputs: [y],
      initializers: [...constants, floatTensor("limit", [], [0])],
      nodes: [
        node("Tanh", ["x"], ["h"]),
        node("ReduceSum", ["h"], ["sum"], { attributes: [attr.int("keepdims", 0)] }),
        node("Greater", ["sum", "limit"], ["large"]),
        choice("large"),
      ],
    }),
  );

  test("that only the run decides run, written and read again, renamed and pruned", async () => {
    const read = parseOnnx(undecided);
    const expected = (await runFile(undecided, feeds)).y!.data;
    const renamed = rename(
      read,
      new Map([
        ["h", "hidden"],
        ["two", "zwei"],
        ["one", "eins"],
      ]),
    );
    for (const graph of [read, parseOnnx(writeOnnx(read)), prune(read), renamed]) {
      validate(graph);
      expectAllClose((await runGraph(graph, feeds)).y!.data as Float32Array, expected, { absolute: 1e-6 });
    }
    expect(parseOnnx(writeOnnx(read))).toEqual(read);
    expect(subgraphsOf(read.nodes.at(-1)!).map(({ outputs }) => outputs)).toEqual([["result"], ["result"]]);
  });

  test("that only the run decides have no derivative, and the error says so", () => {
    const read = parseOnnx(undecided);
    expect(() => vjp(read, { wrt: ["x"] })).toThrow(/If \(node "choice"\) cannot be differentiated/);
    expect(() => vjp(read, { wrt: ["one"] })).toThrow(/Only its derivative is missing/);
  });

  test("read older operator sets inside", async () => {
    const inside = graph({
      nodes: [node("ReduceMean", ["x"], ["m"], { attributes: [attr.ints("axes", 1)] }), node("Sub", ["x", "m"], ["d"])],
      outputs: [value("d", code.float)],
    });
    const file = fileOf(
      graph({
        inputs: [x],
        outputs: [y],
        initializers: [floatTensor("limit", [], [0])],
        nodes: [
          node("ReduceSum", ["x"], ["sum"], { attributes: [attr.int("keepdims", 0)] }),
          node("Greater", ["sum", "limit"], ["large"]),
          node("If", ["large"], ["y"], {
            attributes: [attr.graph("then_branch", inside), attr.graph("else_branch", inside)],
          }),
        ],
      }),
      { opset: 15 },
    );
    const read = parseOnnx(file);
    expect(read.opset).toBe(18);
    expectAllClose((await runGraph(read, feeds)).y!.data as Float32Array, (await runFile(file, feeds)).y!.data, {
      absolute: 1e-6,
    });
  });
});

test("loops run: their bodies read values around them, also inside of functions", async () => {
  const body = graph({
    inputs: [value("i", code.int64, []), value("go", code.bool, []), value("state", code.float)],
    outputs: [value("go_on", code.bool, []), value("next", code.float)],
    nodes: [
      node("Identity", ["go"], ["go_on"]),
      node("Mul", ["state", "factor"], ["scaled"]),
      node("Add", ["scaled", "v"], ["next"]),
    ],
  });
  const repeat = definition({
    name: "Repeat",
    inputs: ["v", "count", "factor"],
    outputs: ["out"],
    nodes: [node("Loop", ["count", "", "v"], ["out"], { attributes: [attr.graph("body", body)] })],
  });
  const file = fileOf(
    graph({
      inputs: [x],
      outputs: [y],
      initializers: [intTensor("times", [], [3]), floatTensor("half", [], [0.5])],
      nodes: [
        node("Repeat", ["x", "times", "half"], ["once"], { domain: "local", name: "a" }),
        node("Repeat", ["once", "times", "half"], ["y"], { domain: "local", name: "b" }),
      ],
    }),
    { functions: [repeat] },
  );
  const read = parseOnnx(file);
  expect(read.nodes.map(({ op }) => op)).toEqual(["Loop", "Loop"]);
  const expected = (await runFile(file, feeds)).y!.data;
  for (const graph of [read, parseOnnx(writeOnnx(read))]) {
    expectAllClose((await runGraph(graph, feeds)).y!.data as Float32Array, expected, { absolute: 1e-6 });
  }
});
