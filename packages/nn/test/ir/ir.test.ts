import { ArgumentError, ShapeError } from "@diffusiongym/core";
import { describe, expect, test } from "vitest";
import {
  attribute,
  constantTensor,
  consumers,
  defaultOpset,
  findProblem,
  floatScalar,
  freeze,
  type Graph,
  intAttribute,
  type Node,
  nameOutputs,
  parameterValues,
  producers,
  prune,
  rename,
  thaw,
  topologicalOrder,
  typeOf,
  UniqueNames,
  validate,
  valueNames,
} from "../../src/ir/index.js";

const node = (op: string, inputs: string[], outputs: string[]): Node => ({
  op,
  domain: "",
  name: `${op}:${outputs.join()}`,
  inputs,
  outputs,
  attributes: {},
});

/** y = (x w) + c, with a dead branch z = -x. */
const sample: Graph = {
  name: "sample",
  opset: defaultOpset,
  inputs: [
    { name: "x", type: "float32", shape: ["N", 2] },
    { name: "w", type: "float32", shape: [2, 1] },
  ],
  outputs: ["y"],
  nodes: [node("MatMul", ["x", "w"], ["m"]), node("Neg", ["x"], ["z"]), node("Add", ["m", "c"], ["y"])],
  initializers: new Map([
    ["c", floatScalar(3)],
    ["dead", floatScalar(4)],
  ]),
  valueInfo: new Map([
    ["m", { type: "float32", shape: ["N", 1] }],
    ["z", { type: "float32", shape: ["N", 2] }],
  ]),
  parameters: ["w"],
};

describe("walking a graph", () => {
  test("finds producers, consumers, names and types", () => {
    expect(producers(sample).get("m")?.op).toBe("MatMul");
    expect(
      consumers(sample)
        .get("x")
        ?.map(({ op }) => op),
    ).toEqual(["MatMul", "Neg"]);
    expect([...valueNames(sample)].sort()).toEqual(["c", "dead", "m", "w", "x", "y", "z"]);
    expect(typeOf(sample, "x")?.shape).toEqual(["N", 2]);
    expect(typeOf(sample, "c")?.shape).toEqual([]);
    expect(typeOf(sample, "m")?.shape).toEqual(["N", 1]);
    expect(typeOf(sample, "y")).toBeUndefined();
  });

  test("orders nodes by what they need, and tells a cycle", () => {
    const backwards = { ...sample, nodes: [...sample.nodes].reverse() };
    expect(topologicalOrder(backwards)?.map(({ op }) => op)).toEqual(["MatMul", "Add", "Neg"]);
    const cyclic = { ...sample, nodes: [node("Add", ["b", "x"], ["a"]), node("Neg", ["a"], ["b"])] };
    expect(topologicalOrder(cyclic)).toBeUndefined();
    const long = Array.from({ length: 50_000 }, (_, i) => node("Neg", [i === 0 ? "x" : `v${i - 1}`], [`v${i}`]));
    expect(topologicalOrder({ ...sample, nodes: long.reverse() })?.length).toBe(50_000);
  });
});

describe("changing a graph", () => {
  test("prune drops what no output needs and keeps the signature unless told", () => {
    const pruned = prune(sample);
    expect(pruned.nodes.map(({ op }) => op)).toEqual(["MatMul", "Add"]);
    expect([...pruned.initializers.keys()]).toEqual(["c"]);
    expect([...pruned.valueInfo.keys()]).toEqual(["m"]);
    expect(prune(sample, { outputs: ["z"] }).inputs.length).toBe(2);
    const small = prune(sample, { outputs: ["z"], dropInputs: true });
    expect(small.inputs.map(({ name }) => name)).toEqual(["x"]);
    expect(small.parameters).toEqual([]);
    expect(sample.nodes.length).toBe(3);
  });

  test("rename changes a value everywhere", () => {
    const renamed = rename(
      sample,
      new Map([
        ["w", "head.weight"],
        ["m", "product"],
        ["y", "out"],
      ]),
    );
    expect(findProblem(renamed)).toBeUndefined();
    expect(renamed.parameters).toEqual(["head.weight"]);
    expect(renamed.outputs).toEqual(["out"]);
    expect(renamed.nodes[0]).toMatchObject({ inputs: ["x", "head.weight"], outputs: ["product"] });
    expect(
      rename(
        sample,
        new Map([
          ["m", "z"],
          ["z", "m"],
        ]),
      ).nodes[0]?.outputs,
    ).toEqual(["z"]);
    expect(() => rename(sample, new Map([["q", "a"]]))).toThrow(ArgumentError);
    expect(() => rename(sample, new Map([["m", "x"]]))).toThrow(/two values would be called "x"/);
  });

  test("nameOutputs renames what is free and copies what is not", () => {
    const named = nameOutputs(
      sample,
      new Map([
        ["first", "m"],
        ["second", "m"],
        ["input", "x"],
        ["y", "y"],
        ["fixed", "z"],
      ]),
      new Set(["z"]),
    );
    expect(findProblem(named)).toBeUndefined();
    expect(named.outputs).toEqual(["first", "second", "input", "y", "fixed"]);
    expect(
      named.nodes.filter(({ op }) => op === "Identity").map(({ inputs, outputs }) => [inputs[0], outputs[0]]),
    ).toEqual([
      ["first", "second"],
      ["x", "input"],
      ["z", "fixed"],
    ]);
    expect(() => nameOutputs(sample, new Map([["z", "m"]]), new Set())).toThrow(/called "z" already/);
  });

  test("freeze and thaw move parameters between initializers and inputs", () => {
    const data = Float32Array.of(1, 2);
    const frozen = freeze(sample, new Map([["w", data]]));
    expect(frozen.inputs.map(({ name }) => name)).toEqual(["x"]);
    expect(parameterValues(frozen).get("w")?.data).toBe(data);
    expect(frozen.parameters).toEqual(["w"]);
    expect(findProblem(frozen)).toBeUndefined();
    const thawed = thaw(frozen);
    expect(thawed.inputs).toEqual(sample.inputs);
    expect(parameterValues(thawed).size).toBe(0);
    expect(thaw(sample)).toEqual(sample);
    expect(() => freeze(sample, new Map([["w", Float32Array.of(1)]]))).toThrow(ShapeError);
    expect(() => freeze(sample, new Map([["x", data]]))).toThrow(/"x" is not a parameter/);
    expect(() => thaw(sample, ["ww"])).toThrow(/did you mean "w"/);
    const symbolic: Graph = { ...sample, parameters: ["x"] };
    expect(() => freeze(symbolic, new Map([["x", data]]))).toThrow(/symbolic axis "N"/);
  });

  test("unique names count up", () => {
    const names = new UniqueNames(["a", "a_1"]);
    expect([names.unique("a"), names.unique("a"), names.unique("b"), names.reserve("b"), names.reserve("c")]).toEqual([
      "a_2",
      "a_3",
      "b",
      false,
      true,
    ]);
  });
});

describe("validate", () => {
  test("accepts a sound graph", () => {
    expect(validate(sample)).toBe(sample);
  });

  const wrong: [string, Partial<Graph>, RegExp][] = [
    [
      "a dangling input",
      { nodes: [node("Neg", ["xx"], ["y"])] },
      /reads "xx", which nothing makes; did you mean "x"\?/,
    ],
    ["a node before its producer", { nodes: [...sample.nodes].reverse() }, /reads "m" before it is made/],
    ["a value made twice", { nodes: [...sample.nodes, node("Abs", ["x"], ["m"])] }, /makes "m", which exists already/],
    [
      "a value that hides an input",
      { nodes: [...sample.nodes, node("Abs", ["m"], ["x"])] },
      /makes "x", which exists already/,
    ],
    [
      "two nodes of one name",
      { nodes: [...sample.nodes, { ...node("Neg", ["x"], ["q"]), name: "Neg:z" }] },
      /two nodes are called/,
    ],
    ["a missing output", { outputs: ["yy"] }, /the output "yy" is made by nothing; did you mean "y"\?/],
    ["a missing parameter", { parameters: ["v"] }, /the parameter "v" is neither/],
    ["an input twice", { inputs: [...sample.inputs, sample.inputs[0]!] }, /two inputs are called "x"/],
    [
      "an input that is stored",
      { initializers: new Map([["x", floatScalar(1)]]) },
      /"x" is an input and an initializer/,
    ],
    [
      "a tensor of the wrong size",
      { initializers: new Map([["c", { type: "float32", shape: [2], data: Float32Array.of(1) }]]) },
      /needs 2 entries and has 1/,
    ],
  ];
  test.each(wrong)("names %s", (_, change, message) => {
    expect(() => validate({ ...sample, ...change })).toThrow(ArgumentError);
    expect(() => validate({ ...sample, ...change })).toThrow(message);
  });
});

test("attributes and constants check themselves", () => {
  expect(intAttribute({ axis: attribute.float(1) }, "axis", -1)).toBe(-1);
  expect(attribute.float(0.1)).toEqual({ kind: "float", value: Math.fround(0.1) });
  expect(() => constantTensor("float32", [2, 2], new Float32Array(3))).toThrow(ShapeError);
});
