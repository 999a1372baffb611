import { describe, expect, test } from "vitest";
import {
  captured,
  consumers,
  defaultOpset,
  findProblem,
  floatScalar,
  type Graph,
  type Node,
  nameOutputs,
  prune,
  rename,
  type Subgraph,
  subgraphsOf,
  topologicalOrder,
  valuesRead,
} from "../../src/ir/index.js";

const node = (op: string, inputs: string[], outputs: string[], attributes: Node["attributes"] = {}): Node => ({
  op,
  domain: "",
  name: `${op}:${outputs.join()}`,
  inputs,
  outputs,
  attributes,
});

const body = (nodes: Node[], outputs: string[], inputs: string[] = []): Subgraph => ({
  name: "body",
  inputs,
  outputs,
  nodes,
  initializers: new Map([["own", floatScalar(1)]]),
  valueInfo: new Map([[outputs[0]!, { type: "float32", shape: [] }]]),
});

/** A branch within a branch: h and x come from outside, t and own from inside. */
const inner = body([node("Mul", ["t", "h"], ["m"])], ["m"]);
const outer = body(
  [node("Add", ["x", "own"], ["t"]), node("If", ["c"], ["i"], { then_branch: { kind: "graph", value: inner } })],
  ["i"],
);
const choice = node("If", ["c"], ["y"], { then_branch: { kind: "graph", value: outer } });
const graph: Graph = {
  name: "nested",
  opset: defaultOpset,
  inputs: [
    { name: "x", type: "float32", shape: [] },
    { name: "c", type: "bool", shape: [] },
  ],
  outputs: ["y"],
  nodes: [node("Neg", ["x"], ["h"]), node("Abs", ["x"], ["dead"]), choice],
  initializers: new Map(),
  valueInfo: new Map(),
  parameters: [],
};

describe("the bodies of branches and loops", () => {
  test("read values around them", () => {
    expect([...captured(outer)].sort()).toEqual(["c", "h", "x"]);
    expect([...captured(inner)].sort()).toEqual(["h", "t"]);
    expect([...captured(body([], ["given", "outside"], ["given"]))]).toEqual(["outside"]);
    expect(new Set(valuesRead(choice))).toEqual(new Set(["c", "x", "h"]));
    expect(consumers(graph).get("h")).toEqual([choice]);
  });

  test("keep what they read when a graph is pruned, checked or ordered", () => {
    expect(prune(graph).nodes.map(({ op }) => op)).toEqual(["Neg", "If"]);
    expect(findProblem(graph)).toBeUndefined();
    const early = { ...graph, nodes: [choice, ...graph.nodes.slice(0, 2)] };
    expect(findProblem(early)).toMatch(/reads "h" before it is made/);
    expect(topologicalOrder(early)!.map(({ op }) => op)).toEqual(["Neg", "If", "Abs"]);
    expect(findProblem({ ...graph, nodes: [choice] })).toMatch(/reads "h", which nothing makes/);
  });

  test("are renamed with the graph around them", () => {
    const renamed = rename(graph, new Map([["h", "hidden"]]));
    const [branch] = subgraphsOf(renamed.nodes[2]!);
    expect(captured(branch!)).toEqual(new Set(["x", "c", "hidden"]));
    expect(findProblem(renamed)).toBeUndefined();
    const named = nameOutputs(graph, new Map([["result", "h"]]), new Set());
    expect(named.outputs).toEqual(["result"]);
    expect(findProblem(named)).toBeUndefined();
  });
});
