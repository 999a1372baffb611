import { Tensor } from "@diffusiongym/core";
import * as ort from "onnxruntime-node";
import { expect, test } from "vitest";
import { GraphBuilder } from "../../src/builder/index.js";
import { Engine } from "../../src/engine/index.js";
import { sessionModel } from "../../src/engine/session-model.js";
import { constantTensor, type Graph } from "../../src/ir/index.js";
import { writeOnnx } from "../../src/onnx/index.js";
import { pseudoRandom } from "../ops/run-graph.js";

/** A convolution, a product and a table, with weights of 147 kB, 262 kB and 24 bytes. */
function weighted(): Graph {
  const g = new GraphBuilder("weighted");
  const constant = (seed: number, shape: number[]) =>
    g.constant(
      constantTensor(
        "float32",
        shape,
        pseudoRandom(
          seed,
          shape.reduce((a, b) => a * b, 1),
          -0.1,
          0.1,
        ),
      ),
      `w${seed}`,
    );
  const x = g.input("x", ["N", 64, 2, 2]);
  const convolved = g.emit("Conv", [x, constant(0, [64, 64, 3, 3])], {
    attributes: { pads: { kind: "ints", value: [1, 1, 1, 1] } },
  })[0]!;
  const product = g.matMul(g.reshape(convolved, [-1, 256]), constant(1, [256, 256]));
  const table = g.constant(constantTensor("int64", [3], BigInt64Array.of(3n, 1n, 2n)), "rows");
  g.output("y", g.gather(product, table, 1));
  return g.build().graph;
}

test.each([100, 200_000, Infinity])(
  "tensors above %d bytes are handed over apart from the model, with the same results",
  async (largest) => {
    const graph = weighted();
    const { model, externalData } = sessionModel(graph, largest);
    const sizes = externalData.map(({ data }) => data.byteLength);
    expect(sizes).toEqual([147_456, 262_144].filter((size) => size > largest));
    expect(model.length).toBeLessThan(147_456 + 262_144 + 24 + 2000 - sizes.reduce((sum, size) => sum + size, 0));
    const feeds = { x: new ort.Tensor("float32", pseudoRandom(3, 512), [2, 64, 2, 2]) };
    const apart = await ort.InferenceSession.create(model, { externalData: [...externalData], logSeverityLevel: 4 });
    const whole = await ort.InferenceSession.create(writeOnnx(graph), { logSeverityLevel: 4 });
    expect((await apart.run(feeds)).y!.data).toEqual((await whole.run(feeds)).y!.data);
    await apart.release();
    await whole.release();
  },
);

test("the arrays are read while the session is made, and may change or go afterwards", async () => {
  const graph = weighted();
  const engine = new Engine({ threads: 1 });
  const executable = await engine.compile(graph);
  const feeds = { x: new Tensor(pseudoRandom(3, 512), [2, 64, 2, 2]) };
  const before = (await executable.run(feeds)).y!.data.slice();
  for (const { data } of graph.initializers.values()) {
    new Uint8Array(data.buffer).fill(0);
  }
  expect((await executable.run(feeds)).y!.data).toEqual(before);
  await engine.dispose();
});
