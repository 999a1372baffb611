import { ArgumentError, Tensor } from "@diffusiongym/core";
import { describe, expect, test } from "vitest";
import { Engine, ProviderError } from "../../src/engine/index.js";
import { pairGraph } from "./graphs.js";

const isNode = typeof document === "undefined";
const standard = isNode ? "cpu" : "wasm";

describe("providers", () => {
  test("the platform's own can be asked for by name", async () => {
    await using engine = new Engine({ threads: 1, providers: [standard] });
    const executable = await engine.compile(pairGraph);
    const one = Tensor.from([1]);
    expect((await executable.run({ a: one, b: one })).logarithm!.data[0]).toBeCloseTo(Math.log(2), 6);
  });

  test("a name that nobody knows is refused at once, with the nearest", () => {
    expect(() => new Engine({ providers: ["webpu"] })).toThrow(ArgumentError);
    expect(() => new Engine({ providers: ["webpu"] })).toThrow(
      /no execution provider "webpu"; did you mean "webgpu"\?/,
    );
    expect(() => new Engine({ providers: ["abacus"] })).toThrow(/"abacus"\. Known are cpu, wasm, webgpu, cuda/);
    expect(() => new Engine({ providers: [] })).toThrow(/providers is empty/);
    expect(() => new Engine({ providers: ["cpu", "cpu"] })).toThrow(/names "cpu" twice/);
  });

  // One that neither Node on Linux nor a browser has, whatever the machine.
  const absent = isNode && process.platform === "win32" ? "coreml" : "dml";

  test("one that is not there is an error that says what to choose, also behind one that is", async () => {
    for (const providers of [[absent], [standard, absent]]) {
      const compiling = new Engine({ threads: 1, providers }).compile(pairGraph);
      await expect(compiling).rejects.toThrow(ProviderError);
      await expect(compiling).rejects.toThrow(`"${absent}" was asked for and does not work here`);
      await expect(compiling).rejects.toThrow(`you can choose providers: ["${standard}"]`);
      await expect(compiling).rejects.toMatchObject({ provider: absent });
      expect((await compiling.catch((error: ProviderError) => error)) as ProviderError).toHaveProperty(
        "available",
        expect.arrayContaining([standard]),
      );
    }
  });

  test.runIf(isNode)("what a provider needs is said for the runtime in use", async () => {
    const refused = (provider: string, runtime?: object): Promise<unknown> =>
      new Engine({ providers: [provider], ...(runtime && { runtime }) }).compile(pairGraph);
    await expect(refused("wasm")).rejects.toThrow('It needs runtime: await import("onnxruntime-web")');
    const web = await import("onnxruntime-web");
    await expect(refused("cuda", web)).rejects.toThrow(/onnxruntime-web never has it.*providers: \["wasm"\]/);
    await expect(refused("webgpu", web)).rejects.toThrow(/It needs a browser with WebGPU/);
  });
});

test("memory is given back or kept with the same results", async () => {
  const feeds = { a: Tensor.from([1, 2]), b: Tensor.from([3, 4]) };
  const results: unknown[] = [];
  for (const keepMemory of [true, false]) {
    await using engine = new Engine({ threads: 1, keepMemory });
    const executable = await engine.compile(pairGraph);
    await executable.run(feeds);
    results.push((await executable.run(feeds)).logarithm!.data);
  }
  expect(results[0]).toEqual(results[1]);
});
