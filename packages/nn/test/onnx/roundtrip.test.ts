import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { vjp } from "../../src/autodiff/index.js";
import { GraphBuilder, type GraphValue } from "../../src/builder/index.js";
import {
  type AttributeValue,
  type ConstantTensor,
  type Dimension,
  defaultOpset,
  type ElementArrays,
  type ElementType,
  freeze,
  type Graph,
  type Node,
  type Subgraph,
  type TensorType,
} from "../../src/ir/index.js";
import { parseOnnx, writeOnnx } from "../../src/onnx/index.js";
import { pseudoRandom } from "../ops/run-graph.js";

/** Equal in everything that a graph says; the order in which types are listed says nothing. */
function expectSame(read: Graph, original: Graph): void {
  expect(read).toEqual(original);
  expect([...read.initializers.keys()]).toEqual([...original.initializers.keys()]);
  expect(read.parameters).toEqual(original.parameters);
}

describe("import(export(g)) is g", () => {
  const steps: Record<string, (g: GraphBuilder, a: GraphValue, b: GraphValue, seed: number) => GraphValue> = {
    add: (g, a, b) => g.add(a, b),
    mul: (g, a, b) => g.mul(a, b),
    scaled: (g, a, _, seed) => g.mul(a, seed / 7),
    tanh: (g, a) => g.tanh(a),
    softmax: (g, a, _, seed) => g.softmax(a, seed % 2),
    linear: (g, a, _, seed) => g.matMul(a, g.parameter(`w${seed}`, [4, 4], { kind: "constant", value: seed })),
    halves: (g, a) => g.concat([...g.split(a, [1, 3], 1)].reverse(), 1),
    pad: (g, a) => g.slice(g.pad(a, [0, 1, 0, 2]), { starts: [1], ends: [5], axes: [1] }),
    turn: (g, a) => g.transpose(g.reshape(g.transpose(g.reshape(a, [-1, 2, 2]), [0, 2, 1]), [-1, 4])),
    mask: (g, a, b) => g.where(g.emit("Less", [a, b])[0]!, a, b),
    mean: (g, a) => g.sub(a, g.reduceMean(a, { axes: [1], keepDims: true })),
    double: (g, a) => g.cast(g.cast(a, "float64"), "float32"),
    pick: (g, a, _, seed) => g.gather(a, g.integers([seed % 4, 0, -1, 1]), 1),
  };
  const plan = fc.array(
    fc.record({ step: fc.constantFrom(...Object.keys(steps)), a: fc.nat(9), b: fc.nat(9), seed: fc.nat(50) }),
    { minLength: 1, maxLength: 10 },
  );

  test("for networks of the builder, frozen or not, and for their derivatives", () => {
    fc.assert(
      fc.property(plan, (entries) => {
        const g = new GraphBuilder("random");
        const values = [g.input("x", ["N", 4]), g.input("z", ["N", 4])];
        const taken = new Set<string>();
        for (const { step, a, b, seed } of entries) {
          const key = step === "linear" ? `w${seed}` : "";
          if (key === "" || !taken.has(key)) {
            taken.add(key);
            const square = (value: GraphValue): GraphValue => (value.shape[1] === 4 ? value : values[0]!);
            const made = steps[step]!(g, square(values[a % values.length]!), square(values[b % values.length]!), seed);
            values.push(made.shape.length === 2 && made.shape[0] === "N" ? made : values[0]!);
          }
        }
        g.output("y", values.at(-1)!);
        g.output("sum", g.reduceSum(values.at(-1)!));
        const { graph, parameters } = g.build();
        const frozen = freeze(
          graph,
          new Map(parameters.filter((_, i) => i % 2 === 0).map(({ name }, i) => [name, pseudoRandom(i, 16)])),
        );
        const derivative = vjp(graph, { wrt: ["x", ...graph.parameters] }).graph;
        for (const original of [graph, frozen, derivative]) {
          const bytes = writeOnnx(original);
          expectSame(parseOnnx(bytes), original);
          expect(writeOnnx(parseOnnx(bytes))).toEqual(bytes);
        }
      }),
      { seed: 20261122, numRuns: 60 },
    );
  });

  const arrays: { [T in ElementType]: new (buffer: ArrayBuffer) => ElementArrays[T] } = {
    float32: Float32Array,
    float64: Float64Array,
    float16: Uint16Array,
    bfloat16: Uint16Array,
    int64: BigInt64Array,
    int32: Int32Array,
    int16: Int16Array,
    int8: Int8Array,
    uint64: BigUint64Array,
    uint32: Uint32Array,
    uint16: Uint16Array,
    uint8: Uint8Array,
    bool: Uint8Array,
  };
  const elementTypes = Object.keys(arrays) as ElementType[];
  const tensor: fc.Arbitrary<ConstantTensor> = fc
    .record({ type: fc.constantFrom(...elementTypes), shape: fc.array(fc.nat(3), { maxLength: 3 }), seed: fc.nat() })
    .map(({ type, shape, seed }) => {
      const size = shape.reduce((product, length) => product * length, 1);
      const bytes = new Uint8Array(8 * size).map((_, i) =>
        type === "bool" ? (seed + i) % 2 : (seed * 31 + i * 17) % 251,
      );
      const data = new arrays[type](bytes.buffer as ArrayBuffer).slice(0, size);
      return { type, shape, data } as ConstantTensor;
    });
  const utf8 = new TextDecoder("utf-8", { ignoreBOM: true });
  const name = fc
    .string({ unit: "binary", minLength: 1, maxLength: 12 })
    .filter((text) => utf8.decode(new TextEncoder().encode(text)) === text);
  const integer = fc.oneof(fc.integer(), fc.maxSafeInteger());
  const single = fc.float({ noNaN: false });
  const body: fc.Arbitrary<Subgraph> = fc.record({ tensor, captured: fc.constantFrom("x", "inner0") }).map((given) => ({
    name: "body",
    inputs: ["inner0"],
    outputs: ["inner1"],
    nodes: [
      { op: "Add", domain: "", name: "", inputs: [given.captured, "stored"], outputs: ["inner1"], attributes: {} },
    ],
    initializers: new Map([["stored", given.tensor]]),
    valueInfo: new Map<string, TensorType>([["inner0", { type: "float32", shape: ["N", 2] }]]),
  }));
  const attributeValue: fc.Arbitrary<AttributeValue> = fc.oneof(
    fc.record({ kind: fc.constant("int" as const), value: integer }),
    fc.record({ kind: fc.constant("float" as const), value: single }),
    fc.record({ kind: fc.constant("string" as const), value: name }),
    fc.record({ kind: fc.constant("ints" as const), value: fc.array(integer) }),
    fc.record({ kind: fc.constant("floats" as const), value: fc.array(single) }),
    fc.record({ kind: fc.constant("strings" as const), value: fc.array(name) }),
    fc.record({ kind: fc.constant("tensor" as const), value: tensor }),
    fc.record({ kind: fc.constant("graph" as const), value: body }),
  );
  const dimension: fc.Arbitrary<Dimension> = fc.oneof(fc.nat(), fc.constantFrom("N", "8*N", "länge"));
  const typeInfo: fc.Arbitrary<TensorType> = fc.record({
    type: fc.constantFrom(...elementTypes),
    shape: fc.array(dimension, { maxLength: 4 }),
  });

  test("for nodes of which only the runtime knows: every kind of attribute, element type and name", () => {
    const node = fc.record({
      op: fc.stringMatching(/^[A-Z]\w{0,8}$/),
      domain: fc.constantFrom("odd", "com.microsoft.odd", "ünusual"),
      attributes: fc.dictionary(name, attributeValue, { maxKeys: 4, noNullPrototype: true }),
      type: fc.option(typeInfo),
      name,
    });
    fc.assert(
      fc.property(
        fc.array(node, { minLength: 1, maxLength: 4 }),
        fc.array(tensor, { maxLength: 3 }),
        (given, tensors) => {
          const initializers = new Map(tensors.map((entry, i) => [`t${i}`, entry]));
          let bodies = 0;
          const nodes = given.map(({ op, domain, attributes, name: base }, i): Node => {
            const named = Object.entries(attributes).map(([key, value]): [string, AttributeValue] => {
              bodies += 1;
              const nodeName = `body node ${bodies}`;
              return value.kind === "graph"
                ? [
                    key,
                    {
                      ...value,
                      value: {
                        ...value.value,
                        nodes: value.value.nodes.map((inner) => ({ ...inner, name: nodeName })),
                      },
                    },
                  ]
                : [key, value];
            });
            const opaque = `this package does not know the operator ${domain}.${op} (operator set 1)`;
            return {
              op,
              domain,
              name: `${base}${i}`,
              inputs: [i === 0 ? "x" : `v${i - 1}`, "", ...initializers.keys()],
              outputs: [`v${i}`],
              attributes: Object.fromEntries(named),
              opaque,
            };
          });
          const valueInfo = new Map(given.flatMap(({ type }, i) => (type ? [[`v${i}`, type] as const] : [])));
          const original: Graph = {
            name: "odd",
            opset: defaultOpset,
            domains: new Map(Array.from(new Set(nodes.map(({ domain }) => domain)), (domain) => [domain, 1])),
            inputs: [{ name: "x", type: "float32", shape: ["N", 2] }],
            outputs: [`v${nodes.length - 1}`],
            nodes,
            initializers,
            valueInfo,
            parameters: [],
          };
          expectSame(parseOnnx(writeOnnx(original), { precision: "as-stored" }), original);
        },
      ),
      { seed: 20261122, numRuns: 150 },
    );
  });
});
