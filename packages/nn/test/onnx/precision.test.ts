import { Tensor } from "@diffusiongym/core";
import { describe, expect, test } from "vitest";
import { expectAllClose } from "../../../../tooling/test/close.js";
import { vjp } from "../../src/autodiff/index.js";
import { Engine, ExecutionError } from "../../src/engine/index.js";
import { parseOnnx } from "../../src/onnx/index.js";
import { runGraph } from "../ops/run-graph.js";
import { expectedOf, exported } from "./exports.js";
import { attr, code, fileOf, graph, node, tensor, value } from "./model-file.js";

describe("networks of 16-bit floats", () => {
  test.each(["half", "bfloat16"] as const)("%s: computed in 32 bits, as PyTorch does, masks and all", async (name) => {
    const { x, y } = await expectedOf(name);
    const read = parseOnnx(await exported(`${name}.onnx`));
    expect(read.inputs[0]!.type).toBe("float32");
    expect([...read.initializers.values()].some(({ type }) => type.includes("16"))).toBe(false);
    expect(read.nodes.every(({ opaque }) => opaque === undefined)).toBe(true);
    expectAllClose((await runGraph(read, { x })).y!.data as Float32Array, y, { absolute: 1e-5 });
    expect(vjp(read, { wrt: ["x", ...read.parameters] }).gradients.size).toBe(1 + read.parameters.length);
  });

  test("as stored, on request: fed and read as float32, for inference only", async () => {
    const { x, y } = await expectedOf("half");
    const read = parseOnnx(await exported("half.onnx"), { precision: "as-stored" });
    expect(read.inputs[0]!.type).toBe("float16");
    expect(read.parameters).toEqual([]);
    const engine = new Engine({ threads: 1 });
    const executable = await engine.compile(read);
    const result = await executable.run({ x: new Tensor(x.data, x.shape) });
    expectAllClose(result.y!.data, y, { absolute: 5e-3 });
    const bfloat = parseOnnx(await exported("bfloat16.onnx"), { precision: "as-stored" });
    await expect(engine.compile(bfloat)).rejects.toThrow(ExecutionError);
    await engine.dispose();
    const derive = () => vjp(read, { wrt: [read.nodes[0]!.outputs[0]!] });
    expect(derive).toThrow(/float16, which is for inference only; read the file with precision "float32"/);
  });

  test("both forms of storing, infinities and the lowest numbers", () => {
    // -65504, -inf, 1 and the smallest subnormal, as bit patterns
    const bits = [0xfbff, 0xfc00, 0x3c00, 0x0001];
    const raw = new Uint8Array(Uint16Array.from(bits).buffer);
    const files = [{ rawData: raw }, { int32Data: bits }].map((entries) =>
      fileOf(
        graph({
          inputs: [value("x", code.half, [4])],
          outputs: [value("y", code.half, [4])],
          initializers: [tensor("w", { dims: [4n], dataType: code.half, ...entries })],
          nodes: [
            node("Constant", [], ["c"], {
              attributes: [attr.tensor("value", tensor("", { dims: [4n], dataType: code.half, ...entries }))],
            }),
            node("Cast", ["x"], ["h"], { attributes: [attr.int("to", code.half)] }),
            node("Max", ["h", "w", "c"], ["y"]),
          ],
        }),
      ),
    );
    for (const file of files) {
      const read = parseOnnx(file);
      const expected = Float32Array.of(-65504, -Infinity, 1, 2 ** -24);
      expect(read.initializers.get("w")!.data).toEqual(expected);
      expect(read.initializers.get("c")!.data).toEqual(expected);
      expect(read.valueInfo.get("h")?.type).toBe("float32");
      expect(read.nodes[0]!.attributes.to).toEqual({ kind: "int", value: code.float });
      expect(parseOnnx(file, { precision: "as-stored" }).initializers.get("w")!.data).toEqual(Uint16Array.from(bits));
    }
  });
});

test("a pattern for weights that stay in 16 bits says why nothing is trained", async () => {
  const file = await exported("half.onnx");
  expect(() => parseOnnx(file, { precision: "as-stored", trainable: "out.*" })).toThrow(
    /float16; only float32 is trained/,
  );
  expect(() => vjp(parseOnnx(file, { precision: "as-stored" }), { wrt: ["x"] })).toThrow();
});
