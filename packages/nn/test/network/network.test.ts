import { ArgumentError, IncompatibleError, NonFiniteError, RandomKey, ShapeError, Tensor } from "@diffusiongym/core";
import { afterAll, describe, expect, test } from "vitest";
import { GraphBuilder, linear, meanSquaredError, mlp, type NetworkDefinition, silu } from "../../src/builder/index.js";
import { type CompileOptions, Engine, type Executable } from "../../src/engine/index.js";
import type { Graph } from "../../src/ir/index.js";
import { type BuildLoss, Network } from "../../src/network/index.js";
import { Adam } from "../../src/optimizers/index.js";
import { Parameters } from "../../src/parameters/index.js";
import { directionalDerivative, dot, wave } from "./finite-differences.js";

const engine = new Engine({ threads: 1 });
afterAll(() => engine.dispose());

/** Two inputs, two outputs, smooth: y = W silu(V [a, b]) and its square's sum over each row. */
function twoOutputs(): NetworkDefinition {
  const g = new GraphBuilder("two-outputs");
  const both = g.concat([g.input("a", ["N", 2]), g.input("b", ["N", 1])], 1);
  const y = linear(g, silu(g, linear(g, both, { name: "first", out: 5 })), { name: "second", out: 3 });
  g.output("y", y);
  g.output("energy", g.reduceSum(g.square(y), { axes: [1] }));
  return g.build();
}

const make = (): Network => Network.initialize(twoOutputs(), RandomKey.fromSeed(1), { engine });
const inputs = { a: new Tensor(wave(8, 1), [4, 2]), b: new Tensor(wave(4, 2), [4, 1]) };

describe("Network", () => {
  test("says what it takes and gives", () => {
    const network = make();
    expect(network.inputs.map(({ name }) => name)).toEqual(["a", "b"]);
    expect(network.outputs).toEqual(["y", "energy"]);
    expect(network.parameters.names).toEqual(["first.weight", "first.bias", "second.weight", "second.bias"]);
  });

  test("vector-Jacobian products agree with finite differences, for inputs and parameters", async () => {
    const network = make();
    const cotangents = { y: new Tensor(wave(12, 3), [4, 3]), energy: new Tensor(wave(4, 4), [4]) };
    const contract = async (): Promise<number> => {
      const { y, energy } = await network.run(inputs);
      return dot(y!.data, cotangents.y.data) + dot(energy!.data, cotangents.energy.data);
    };
    const wrt = ["a", "b", ...network.parameters.names];
    const { gradients, outputs } = await network.vjp(inputs, cotangents, { wrt, keep: ["y"] });
    expect(outputs.y!.data).toEqual((await network.run(inputs)).y!.data);
    for (const [index, name] of wrt.entries()) {
      const point = name in inputs ? inputs[name as "a"].data : network.parameters.get(name).data;
      const direction = wave(point.length, 10 + index);
      const expected = await directionalDerivative(contract, point, direction, 1e-2);
      expect(Math.abs(dot(gradients[name]!.data, direction) - expected)).toBeLessThan(2e-3 * (1 + Math.abs(expected)));
    }
  });

  test("outputs without a cotangent count as zero, and ones are cotangents of ones", async () => {
    const network = make();
    const ones = { energy: Tensor.full([4], 1) };
    const { gradients } = await network.vjp(inputs, ones, { wrt: ["a"] });
    const same = await network.vjp(inputs, "ones", { wrt: ["a"], outputs: ["energy"] });
    expect(same.gradients.a!.data).toEqual(gradients.a!.data);
    const all = await network.vjp(inputs, "ones", { wrt: ["a"] });
    const both = await network.vjp(inputs, { ...ones, y: Tensor.full([4, 3], 1) }, { wrt: ["a"] });
    both.gradients.a!.data.forEach((value, i) => {
      expect(all.gradients.a!.data[i]).toBeCloseTo(value, 5);
    });
    expect(both.gradients.a!.data).not.toEqual(gradients.a!.data);
  });

  test("gradients of parameters go where they are told", async () => {
    const network = make();
    const cotangents = { y: new Tensor(wave(12, 3), [4, 3]) };
    const wrt = network.parameters.names;
    const { gradients } = await network.vjp(inputs, cotangents, { wrt });
    const into = network.parameters.zerosLike();
    const filled = await network.vjp(inputs, cotangents, { wrt, into });
    for (const name of wrt) {
      expect(into.get(name).data).toEqual(gradients[name]!.data);
      expect(filled.gradients[name]!.data.buffer).toBe(into.data.buffer);
    }
    const partial = new Parameters([{ name: "first.bias", shape: [5] }]);
    await expect(network.vjp(inputs, cotangents, { wrt, into: partial })).rejects.toThrow(
      /no place for .*"first.weight"/,
    );
  });

  test("a change of the parameters takes effect in the next run", async () => {
    const network = make();
    const before = await network.run(inputs);
    network.parameters.data.fill(0);
    network.parameters.get("second.bias").data.set([1, 2, 3]);
    const after = await network.run(inputs);
    expect([...after.y!.data.subarray(0, 3)]).toEqual([1, 2, 3]);
    expect(before.y!.data[0]).not.toBe(1);
  });

  test("clones have parameters of their own and share what is compiled", async () => {
    const network = make();
    const { y } = await network.run(inputs);
    const clone = network.clone();
    network.parameters.data.fill(0);
    await network.dispose();
    expect((await clone.run(inputs)).y!.data).toEqual(y!.data);
    await expect(network.run(inputs)).rejects.toThrow(IncompatibleError);
    expect(() => network.clone()).toThrow(/"two-outputs" was disposed/);
    const average = clone.withParameters(clone.parameters.zerosLike());
    await clone.dispose();
    await clone.dispose();
    expect([...(await average.run(inputs)).y!.data]).toEqual(Array(12).fill(0));
    await average.dispose();
  });

  test("a disposed network leaves compiled graphs to its clones, and the last one frees them", async () => {
    let compiled = 0;
    class CountingEngine extends Engine {
      override compile(graph: Graph, options?: CompileOptions): Promise<Executable> {
        compiled += 1;
        return super.compile(graph, options);
      }
    }
    const network = Network.initialize(twoOutputs(), RandomKey.fromSeed(1), {
      engine: new CountingEngine({ threads: 1 }),
    });
    const clone = network.clone();
    await network.run(inputs);
    await clone.run(inputs);
    await network.dispose();
    await clone.run(inputs);
    await clone.vjp(inputs, "ones", { wrt: ["a"] });
    await clone.vjp(inputs, "ones", { wrt: ["a"] });
    expect(compiled).toBe(2);
    await clone.dispose();
    await expect(clone.run(inputs)).rejects.toThrow(/disposed/);
  });

  test("a frozen copy gives the same and keeps its parameters", async () => {
    const network = make();
    const expected = await network.run(inputs);
    const frozen = network.freeze();
    const { gradients } = await network.vjp(inputs, "ones", { wrt: ["a"] });
    network.parameters.data.fill(0);
    const { y } = await frozen.run(inputs);
    const slope = await frozen.vjp(inputs, "ones", { wrt: ["a"] });
    expect(frozen.parameters.length).toBe(0);
    y!.data.forEach((value, i) => {
      expect(value).toBeCloseTo(expected.y!.data[i]!, 6);
    });
    slope.gradients.a!.data.forEach((value, i) => {
      expect(value).toBeCloseTo(gradients.a!.data[i]!, 5);
    });
  });

  test("survives an .onnx file, parameters by name, ready to train", async () => {
    const network = Network.initialize(
      mlp({ inDim: 2, timeDim: 4, condDim: 3, depth: 2, width: 6 }),
      RandomKey.fromSeed(2),
      {
        engine,
      },
    );
    network.parameters.data.set(wave(network.parameters.size, 1));
    const bytes = network.save();
    expect(network.save()).toEqual(bytes);
    const loaded = Network.load(bytes, { engine });
    expect(loaded.parameters.shapes()).toEqual(network.parameters.shapes());
    expect(loaded.parameters.data).toEqual(network.parameters.data);
    const feeds = { x: new Tensor(wave(10, 3), [5, 2]), t: new Tensor(wave(5, 4), [5]) };
    expect((await loaded.run(feeds)).output!.data).toEqual((await network.run(feeds)).output!.data);
    if (typeof Buffer !== "undefined") {
      // What fs.readFile gives, part of a larger pool.
      const pool = Buffer.concat([Buffer.from("pool"), bytes]).subarray(4);
      expect(Network.load(pool, { engine }).parameters.data).toEqual(network.parameters.data);
    }
    const safetensors = network.parameters.toSafetensors();
    loaded.parameters.data.fill(0);
    loaded.parameters.loadSafetensors(safetensors);
    expect(loaded.parameters.data).toEqual(network.parameters.data);
  });

  test("parameters must be those of the graph", () => {
    const { graph } = twoOutputs();
    const other = new Parameters([{ name: "first.weights", shape: [5, 3] }]);
    expect(() => new Network(graph, other, { engine })).toThrow(
      /Network "two-outputs".*"first.weight" \(near to "first.weights"\)/,
    );
  });
});

describe("lossGradient", () => {
  const build: BuildLoss = (g, { y, energy }) => {
    const fit = meanSquaredError(g, {
      prediction: y!,
      target: g.input("target", ["N", 3]),
      weights: g.input("weight", ["N"]),
    });
    return g.add(fit, g.mul(g.reduceMean(energy!), 0.1));
  };
  const feeds = {
    ...inputs,
    target: new Tensor(wave(12, 5), [4, 3]),
    weight: new Tensor(Float32Array.of(1, 2, 0, 3), [4]),
  };

  test("is the gradient of the loss", async () => {
    const network = make();
    const fit = network.lossGradient(build, { keep: ["y"] });
    expect(fit.inputs.map(({ name }) => name)).toEqual(["a", "b", "target", "weight"]);
    const { loss, outputs } = await fit.run(feeds);
    const y = (await network.run(inputs)).y!.data;
    expect(outputs.y!.data).toEqual(y);
    let expected = 0;
    y.forEach((value, i) => {
      expected +=
        (feeds.weight.data[Math.floor(i / 3)]! * (value - feeds.target.data[i]!) ** 2) / 12 + (0.1 * value ** 2) / 4;
    });
    expect(loss).toBeCloseTo(expected, 5);
    const gradients = network.gradients.clone();
    for (const seed of [1, 2, 3]) {
      const direction = wave(network.parameters.size, seed);
      const slope = await directionalDerivative(
        async () => (await fit.run(feeds, { into: network.parameters.zerosLike() })).loss,
        network.parameters.data,
        direction,
        1e-2,
      );
      expect(Math.abs(dot(gradients.data, direction) - slope)).toBeLessThan(2e-3 * (1 + Math.abs(slope)));
    }
  });

  test("parts of a batch add up to the batch", async () => {
    const network = make();
    const sum: BuildLoss = (g, { y }) => g.reduceSum(g.square(g.sub(y!, g.input("target", ["N", 3]))));
    const fit = network.lossGradient(sum);
    const { a, b, target } = feeds;
    const whole = await fit.run({ a, b, target });
    const expected = network.gradients.clone();
    const part = (start: number, end: number): Record<string, Tensor> => ({
      a: a.slice(start, end),
      b: b.slice(start, end),
      target: target.slice(start, end),
    });
    const first = await fit.run(part(0, 3));
    const second = await fit.run(part(3, 4), { accumulate: true });
    expect(first.loss + second.loss).toBeCloseTo(whole.loss, 4);
    network.gradients.data.forEach((value, i) => {
      expect(Math.abs(value - expected.data[i]!)).toBeLessThan(1e-5 * (1 + Math.abs(value)));
    });
  });

  test("trains: two runs from the same key agree bit for bit, and the loss falls to what noise there is", async () => {
    const train = async (): Promise<[number, number, Float32Array]> => {
      const network = make();
      const fit = network.lossGradient((g, { y }) =>
        meanSquaredError(g, { prediction: y!, target: g.input("target", ["N", 3]) }),
      );
      const optimizer = new Adam(network.parameters, { learningRate: 0.02 });
      const { a, b } = inputs;
      const target = new Tensor(wave(12, 7), [4, 3]);
      const { loss: first } = await fit.run({ a, b, target });
      let last = first;
      for (let step = 0; step < 500; step++) {
        ({ loss: last } = await fit.run({ a, b, target }));
        optimizer.update(network.gradients);
      }
      return [first, last, network.parameters.data];
    };
    const [first, last, parameters] = await train();
    expect(last).toBeLessThan(1e-4 * first);
    expect((await train())[2]).toEqual(parameters);
  });

  test("what is wrong with a loss is said when it is written, what is wrong with numbers when they come", async () => {
    const network = make();
    expect(() => network.lossGradient((_, { energy }) => energy!)).toThrow(ShapeError);
    expect(() => network.lossGradient((_, { energy }) => energy!)).toThrow(/shape \[N\]; make it a scalar/);
    expect(() => network.lossGradient((g) => g.value("yy"))).toThrow(ArgumentError);
    const fit = network.lossGradient(build);
    await expect(fit.run(inputs)).rejects.toThrow(/needs the input "target"/);
    const broken = { ...feeds, target: Tensor.full([4, 3], Number.NaN) };
    await expect(fit.run(broken)).rejects.toThrow(NonFiniteError);
    await expect(fit.run(broken)).rejects.toThrow(/loss of network "two-outputs" is NaN/);
    await expect(fit.run(feeds, { into: new Parameters([]) })).rejects.toThrow(IncompatibleError);
  });
});
