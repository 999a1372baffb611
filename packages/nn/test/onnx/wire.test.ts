import { fromBinary, toBinary } from "@bufbuild/protobuf";
import { FormatError } from "@diffusiongym/core";
import fc from "fast-check";
import { ModelProtoSchema } from "onnx-buf";
import { describe, expect, test } from "vitest";
import { Decoder, decodeModel } from "../../src/onnx/decode.js";
import { parseOnnx, writeOnnx } from "../../src/onnx/index.js";
import type { MessageType } from "../../src/onnx/messages.js";
import { WireReader, WireWriter } from "../../src/onnx/wire.js";
import { exported } from "./exports.js";

const bytesOf = (write: (writer: WireWriter) => void): Uint8Array => {
  const writer = new WireWriter();
  write(writer);
  return writer.finish();
};

describe("integers", () => {
  test.each([0, 1, 127, 128, 300, 2 ** 31, 2 ** 32 - 1, 2 ** 32, 2 ** 53 - 1, -1, -(2 ** 31), -(2 ** 53) + 1])(
    "%d is read as it was written",
    (value) => {
      const reader = new WireReader(bytesOf((writer) => writer.integer(3, value)));
      expect(reader.tag()).toEqual({ field: 3, wire: 0 });
      expect(reader.integer()).toBe(value);
      expect(reader.more).toBe(false);
    },
  );

  test("beyond what a number holds are clamped, and kept where all 64 bits count", () => {
    for (const value of [2n ** 63n - 1n, -(2n ** 63n)]) {
      const bytes = bytesOf((writer) => writer.integer(1, value));
      const [clamped, wide] = [new WireReader(bytes), new WireReader(bytes)];
      clamped.tag();
      wide.tag();
      expect(clamped.integer()).toBe(value > 0 ? Number.MAX_SAFE_INTEGER : -Number.MAX_SAFE_INTEGER);
      expect(BigInt.asIntN(64, wide.wide())).toBe(value);
    }
  });

  test("of more than ten bytes, tags of nothing, lengths beyond the end and groups are refused", () => {
    const cases = [
      [8, ...new Array<number>(10).fill(0xff), 1],
      [0, 1],
      [0x12, 5, 1],
      [0x12, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f],
      [0x0b, 0x0c],
      [0x08],
      [0x0d, 1, 2],
    ];
    for (const bytes of cases) {
      expect(() => new Decoder(9).decode({ name: "Any", fields: {} } as MessageType, Uint8Array.from(bytes))).toThrow(
        FormatError,
      );
    }
  });
});

describe("the same as the protocol-buffer library", () => {
  test("reads what we write, field for field", async () => {
    for (const name of ["names.script.onnx", "names.dynamo.onnx", "half.onnx"]) {
      const graph = parseOnnx(await exported(name), { precision: "as-stored" });
      const written = writeOnnx(graph);
      const model = fromBinary(ModelProtoSchema, written);
      expect(model.$unknown).toBeUndefined();
      expect(model.graph!.node.map(({ opType }) => opType)).toEqual(graph.nodes.map(({ op }) => op));
      expect(model.graph!.initializer.map((entry) => entry.name)).toEqual([...graph.initializers.keys()]);
      expect(parseOnnx(toBinary(ModelProtoSchema, model), { precision: "as-stored" })).toEqual(graph);
    }
  });

  test("is read by us, whatever the order and packing of fields", () => {
    // dims once packed and once not, the name last, an unknown field between.
    const packed = bytesOf((writer) => {
      writer.integer(1, 8);
      writer.message(8, (set) => set.integer(2, 18));
      writer.message(7, (graph) => {
        graph.message(5, (tensor) => {
          tensor.bytes(1, Uint8Array.of(2, 1));
          tensor.integer(1, 1);
          tensor.text(99, "unknown");
          tensor.bytes(4, new Uint8Array(Float32Array.of(1).buffer));
          tensor.float(4, 2);
          tensor.integer(2, 1);
          tensor.text(8, "w");
        });
        graph.message(12, (output) => output.text(1, "w"));
      });
    });
    expect(parseOnnx(packed).initializers.get("w")).toEqual({
      type: "float32",
      shape: [2, 1, 1],
      data: Float32Array.of(1, 2),
    });
  });
});

describe("memory", () => {
  test("a million empty parts are refused before they fill it", () => {
    const node = Uint8Array.of(0x0a, 0);
    const nodes = new Uint8Array(2 * 1_000_000);
    for (let i = 0; i < nodes.length; i += 2) {
      nodes.set(node, i);
    }
    const file = bytesOf((writer) => {
      writer.integer(1, 8);
      writer.message(8, (set) => set.integer(2, 18));
      writer.bytes(7, nodes);
    });
    expect(() => decodeModel(file)).toThrow(/more parts .* than its size can hold in memory/);
  });

  test("bodies in bodies in bodies are refused before the stack ends", () => {
    let graph: Uint8Array = new Uint8Array(0);
    for (let depth = 0; depth < 200; depth++) {
      const inner = graph;
      graph = bytesOf((writer) =>
        writer.message(1, (node) => node.message(5, (attribute) => attribute.bytes(6, inner))),
      );
    }
    const file = bytesOf((writer) => {
      writer.integer(1, 8);
      writer.message(8, (set) => set.integer(2, 18));
      writer.bytes(7, graph);
    });
    expect(() => decodeModel(file)).toThrow(/nested more than 100 levels/);
  });

  test("any bytes are decoded or refused in words", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        try {
          decodeModel(bytes);
        } catch (error) {
          expect((error as Error).name).toMatch(/FormatError|IncompatibleError/);
        }
      }),
      { seed: 20261122, numRuns: 2000 },
    );
  });
});
