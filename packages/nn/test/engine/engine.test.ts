import { ArgumentError, IncompatibleError, NonFiniteError, ShapeError, Tensor } from "@diffusiongym/core";
import { afterAll, describe, expect, test } from "vitest";
import { Engine, ExecutionError } from "../../src/engine/index.js";
import { Parameters } from "../../src/parameters/index.js";
import { integerGraph, largeIntegerGraph, linearGraph, pairGraph } from "./graphs.js";

const engines: [string, Engine][] = [["onnxruntime for this platform", new Engine({ threads: 1 })]];
if (typeof document === "undefined") {
  // The Web runtime runs in Node too, so what differs from the native one is tested wherever the tests run.
  engines.push(["onnxruntime-web", new Engine({ threads: 1, runtime: await import("onnxruntime-web") })]);
}

const x = Tensor.from([
  [1, 2],
  [3, 4],
]);
const weights = (): Parameters =>
  Parameters.from([
    [
      "w",
      Tensor.from([
        [1, 0],
        [0, 1],
        [1, 1],
      ]),
    ],
    ["b", Tensor.from([10, 20, 30])],
  ]);
const expected = [11, 22, 33, 13, 24, 37];

describe.each(engines)("%s", (_, engine) => {
  afterAll(() => engine.dispose());

  test("runs a graph", async () => {
    const executable = await engine.compile(linearGraph);
    const { y, total } = await executable.run({ x, w: weights().get("w"), b: weights().get("b") });
    expect(y).toMatchObject({ shape: [2, 3], data: Float32Array.from(expected) });
    expect(total).toMatchObject({ shape: [2], data: Float32Array.of(66, 74) });
    await executable.dispose();
  });

  test("bound parameters are read where they are, bound and given outputs are filled in place", async () => {
    const executable = await engine.compile(linearGraph);
    const parameters = weights();
    const y = Tensor.zeros([2, 3]);
    const bound = executable.bind({ feeds: parameters, fetches: [["y", y]] });
    expect(bound.inputs.map(({ name }) => name)).toEqual(["x"]);
    const results = await bound.run({ x });
    expect(results.y).toBe(y);
    expect([...y.data]).toEqual(expected);
    parameters.data.fill(0);
    const total = Tensor.full([2], -1);
    expect((await bound.run({ x }, { total })).total).toBe(total);
    expect([...y.data, ...total.data]).toEqual(Array(8).fill(0));
    // A view into a larger array is filled at its place only.
    const large = new Float32Array(10).fill(7);
    await bound.run({ x }, { y: new Tensor(large.subarray(2, 8), [2, 3]) });
    expect([...large]).toEqual([7, 7, 0, 0, 0, 0, 0, 0, 7, 7]);
  });

  test("frozen parameters are part of the compiled graph", async () => {
    const executable = await engine.compile(linearGraph, { frozen: weights().arrays() });
    expect(executable.inputs.map(({ name }) => name)).toEqual(["x"]);
    const { y } = await executable.run({ x });
    expect([...y!.data]).toEqual(expected);
  });

  test("integers and truth values go in and out", async () => {
    const executable = await engine.compile(integerGraph);
    const results = await executable.run({
      table: Tensor.from([
        [1, 2],
        [3, 4],
        [5, 6],
      ]),
      index: new Tensor(Int32Array.of(2, 0), [2]),
      keep: new Tensor(Uint8Array.of(1, 0), [2, 1]),
      offset: new Tensor(Int32Array.of(21), []),
    });
    expect(results.rows).toMatchObject({ shape: [2, 2], data: Float32Array.of(5, 6, 0, 0) });
    expect(results.shape).toMatchObject({ shape: [2], data: Int32Array.of(2, 2) });
    expect(results.kept).toMatchObject({ shape: [2, 1], data: Uint8Array.of(0, 1) });
    expect(results.doubled).toMatchObject({ shape: [], data: Int32Array.of(42) });
  });

  test("integers beyond 32 bits are refused, not cut", async () => {
    const executable = await engine.compile(largeIntegerGraph);
    const run = (value: number): Promise<unknown> => executable.run({ x: new Tensor(Int32Array.of(0, value), [2]) });
    expect(await run(-1)).toMatchObject({ y: { data: Int32Array.of(0, -(2 ** 31)) } });
    await expect(run(1)).rejects.toThrow(/"y" holds 2147483648, which does not fit into 32 bits/);
  });

  test("runs asked for at once happen one after the other, each with its own inputs", async () => {
    const executable = await engine.compile(linearGraph);
    const bound = executable.bind({ feeds: weights() });
    const runs = Array.from({ length: 20 }, (_, i) => bound.run({ x: Tensor.full([1, 2], i) }));
    const rows = await Promise.all(runs);
    rows.forEach(({ y }, i) => {
      expect([...y!.data]).toEqual([i + 10, i + 20, 2 * i + 30]);
    });
    const shared = bound.bind({ fetches: [["y", Tensor.zeros([1, 3])]] });
    const seen: number[] = [];
    await Promise.all(
      [1, 2, 3].map(async (value) => {
        const { y } = await shared.run({ x: Tensor.full([1, 2], value) });
        seen.push(y!.data[0]!);
      }),
    );
    expect(seen).toEqual([11, 12, 13]);
  });

  test("graphs run at once give what each gives alone", async () => {
    const executables = await Promise.all(
      [1, 2, 3].map((value) =>
        engine.compile(linearGraph, { frozen: new Map(weights().arrays()).set("b", new Float32Array(3).fill(value)) }),
      ),
    );
    const rows = await Promise.all(executables.map((executable) => executable.run({ x: Tensor.zeros([1, 2]) })));
    expect(rows.map(({ y }) => [...y!.data])).toEqual([
      [1, 1, 1],
      [2, 2, 2],
      [3, 3, 3],
    ]);
  });

  test("an empty batch gives an empty result", async () => {
    const executable = await engine.compile(linearGraph, { frozen: weights().arrays() });
    const { y, total } = await executable.run({ x: Tensor.zeros([0, 2]) });
    expect([y!.shape, total!.shape]).toEqual([[0, 3], [0]]);
  });

  test("inputs that do not fit are refused before the run", async () => {
    const linear = await engine.compile(linearGraph, { frozen: weights().arrays() });
    await expect(linear.run({})).rejects.toThrow(/needs the input "x" float32 \[N, 2\]; given were: none/);
    await expect(linear.run({ x, z: x })).rejects.toThrow(ArgumentError);
    await expect(linear.run({ x: Tensor.zeros([2, 3]) })).rejects.toThrow(/"x" has the shape \[N, 2\].*\[2, 3\]/);
    await expect(linear.run({ x: Tensor.zeros([2]) })).rejects.toThrow(ShapeError);
    await expect(linear.run({ x: new Tensor(new Int32Array(4), [2, 2]) })).rejects.toThrow(/takes float32.*int32/);
    await expect(linear.run({ x }, { totl: Tensor.zeros([2]) })).rejects.toThrow(
      /no output "totl"; did you mean "total"/,
    );
    const pair = await engine.compile(pairGraph);
    const [two, three] = [Tensor.zeros([2]), Tensor.zeros([3])];
    await expect(pair.run({ a: two, b: three })).rejects.toThrow(/axis N is 2 in "a" and 3 in "b"/);
    expect(() => pair.bind({ feeds: [["c", two]] })).toThrow(/no input "c"/);
    await expect(pair.bind({ feeds: [["a", two]] }).run({ b: three })).rejects.toThrow(/axis N is 2 in "a"/);
    await expect(pair.bind({ feeds: [["a", two]] }).run({ a: two, b: two })).rejects.toThrow(/"a" is bound already/);
  });

  test("failures of the runtime name the graph and the shapes", async () => {
    const linear = await engine.compile(linearGraph, { frozen: weights().arrays() });
    const run = linear.run({ x }, { y: Tensor.zeros([5, 3]) });
    await expect(run).rejects.toThrow(ExecutionError);
    await expect(run).rejects.toThrow(/Graph "linear" failed on the inputs x \[2, 2\]/);
    await expect(run).rejects.toMatchObject({ graphName: "linear", inputShapes: { x: [2, 2] } });
    const broken = { ...pairGraph, nodes: pairGraph.nodes.map((node) => ({ ...node, op: "Frobnicate" })) };
    await expect(engine.compile(broken)).rejects.toThrow(/refused graph "pair"/);
    expect([...(await linear.run({ x })).y!.data]).toEqual(expected);
  });

  test("NaN and infinities are found where asked for", async () => {
    const feeds = { a: Tensor.from([1, 0, 1]), b: Tensor.from([1, 0, -2]) };
    const unchecked = await engine.compile(pairGraph);
    expect((await unchecked.run(feeds)).logarithm!.data[1]).toBe(-Infinity);
    for (const checkFinite of [true, ["logarithm"]]) {
      const checked = await engine.compile(pairGraph, { checkFinite });
      await expect(checked.run(feeds)).rejects.toThrow(NonFiniteError);
      await expect(checked.run(feeds)).rejects.toMatchObject({ source: "logarithm", sampleIndex: 1 });
      const ones = Tensor.full([3], 1);
      expect((await checked.run({ a: ones, b: ones })).logarithm!.data[0]).toBeCloseTo(Math.log(2), 6);
    }
    await expect(engine.compile(pairGraph, { checkFinite: ["logaritm"] })).rejects.toThrow(/did you mean "logarithm"/);
  });

  test("a disposed graph says so, and disposing waits for runs in progress", async () => {
    const executable = await engine.compile(linearGraph, { frozen: weights().arrays() });
    const run = executable.run({ x });
    const disposed = executable.dispose();
    expect([...(await run).y!.data]).toEqual(expected);
    await disposed;
    await executable.dispose();
    await expect(executable.run({ x })).rejects.toThrow(IncompatibleError);
    await expect(executable.run({ x })).rejects.toThrow(/"linear" was disposed/);
  });
});

test("an engine disposes everything it compiled", async () => {
  const engine = new Engine({ threads: 1 });
  const [first, second] = [await engine.compile(pairGraph), await engine.compile(pairGraph)];
  await engine.dispose();
  const a = Tensor.from([1]);
  await expect(first.run({ a, b: a })).rejects.toThrow(/disposed/);
  await expect(second.run({ a, b: a })).rejects.toThrow(/disposed/);
});

test("options are checked", async () => {
  expect(() => new Engine({ threads: 0 })).toThrow(/threads must be a whole number >= 1, got 0/);
  expect(() => new Engine({ runtime: {} })).toThrow(/not ONNX Runtime/);
  await expect(new Engine().compile(pairGraph, { threads: 1.5 })).rejects.toThrow(ArgumentError);
});

test("the same inputs give the same bits with the default number of threads", async () => {
  const engine = new Engine();
  const executable = await engine.compile(linearGraph);
  const wave = (shape: readonly number[]): Tensor =>
    new Tensor(
      Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => Math.sin(i)),
      shape,
    );
  const feeds = { x: wave([1000, 2]), w: wave([3, 2]), b: wave([3]) };
  const first = await executable.run(feeds);
  for (let i = 0; i < 5; i++) {
    expect((await executable.run(feeds)).total!.data).toEqual(first.total!.data);
  }
  await engine.dispose();
});
