import {
  DDRecord,
  DDTensor,
  NonFiniteError,
  RandomKey,
  ShapeError,
  Tensor,
  type ValueFunction,
} from "@diffusiongym/core";
import { afterAll, describe, expect, expectTypeOf, test } from "vitest";
import { GraphBuilder, valueMlp } from "../../src/builder/index.js";
import { Engine } from "../../src/engine/index.js";
import { Network, ValueNetwork } from "../../src/network/index.js";
import { Adam } from "../../src/optimizers/index.js";
import { dot, wave } from "./finite-differences.js";

const engine = new Engine({ threads: 1 });
afterAll(() => engine.dispose());

const plane = (): Network => {
  const network = Network.initialize(
    valueMlp({ inDim: 2, width: 8, depth: 2, zeroStart: false }),
    RandomKey.fromSeed(3),
    {
      engine,
    },
  );
  return network;
};
const x = new DDTensor(new Tensor(wave(10, 1), [5, 2]));
const t = Float32Array.of(0.1, 0.3, 0.5, 0.7, 0.9);

type Particles = DDRecord<{ positions: DDTensor; colours: DDTensor }>;
const particles = (seed: number): Particles =>
  new DDRecord({
    positions: new DDTensor(new Tensor(wave(24, seed), [4, 3, 2])),
    colours: new DDTensor(new Tensor(wave(4, seed + 1), [4, 1])),
  });
const times = Float32Array.of(0.2, 0.4, 0.6, 0.8);
const swarm = (conditioningDim = 0): Network =>
  Network.initialize(
    valueMlp({ inputs: { positions: [3, 2], colours: [1] }, width: 8, depth: 2, zeroStart: false, conditioningDim }),
    RandomKey.fromSeed(4),
    { engine },
  );

describe("ValueNetwork", () => {
  test("gives a value and its gradient for a tensor", async () => {
    const value = new ValueNetwork({ network: plane() });
    expectTypeOf(value).toExtend<ValueFunction<DDTensor>>();
    const { values, gradient } = await value.valueAndGradient(x, t, {});
    expect(values).toEqual(await value.value(x, t, {}));
    expect(gradient).toBeInstanceOf(DDTensor);
    expect((await value.gradient(x, t, {})).data).toEqual(gradient.data);
    const direction = wave(10, 2);
    const moved = async (step: number): Promise<Float32Array> =>
      value.value(
        x.add(
          new DDTensor(
            new Tensor(
              direction.map((d) => step * d),
              [5, 2],
            ),
          ),
        ),
        t,
        {},
      );
    const [up, down] = [await moved(1e-2), await moved(-1e-2)];
    for (let i = 0; i < 5; i++) {
      const slope = dot(gradient.data.subarray(2 * i, 2 * i + 2), direction.subarray(2 * i, 2 * i + 2));
      expect(Math.abs((up[i]! - down[i]!) / 0.02 - slope)).toBeLessThan(1e-3);
    }
  });

  test("samples do not see each other", async () => {
    const value = new ValueNetwork({ network: plane() });
    const { values, gradient } = await value.valueAndGradient(x, t, {});
    const alone = await value.valueAndGradient(x.at(3), t.slice(3, 4), {});
    expect(alone.values[0]).toBeCloseTo(values[3]!, 6);
    expect(alone.gradient.data[1]).toBeCloseTo(gradient.data[7]!, 6);
  });

  test("takes any data type by the names of its parts, and puts the gradient back into it", async () => {
    const value = new ValueNetwork<Particles>({ network: swarm() });
    const state = particles(1);
    const gradient = await value.gradient(state, times, {});
    expectTypeOf(gradient).toEqualTypeOf<Particles>();
    expect(gradient.entries.positions.shape).toEqual([4, 3, 2]);
    expect(gradient.entries.colours.shape).toEqual([4, 1]);
    const direction = particles(7);
    const along = async (step: number): Promise<Float32Array> =>
      value.value(state.linearCombination(1, [[step, direction]]), times, {});
    const [up, down] = [await along(1e-2), await along(-1e-2)];
    const slopes = gradient.mul(direction).aggregate("sum");
    slopes.forEach((slope, i) => {
      expect(Math.abs((up[i]! - down[i]!) / 0.02 - slope)).toBeLessThan(1e-3);
    });
  });

  test("conditioning reaches the network", async () => {
    type Guided = { strength: Float32Array };
    const value = new ValueNetwork<Particles, Guided>({
      network: swarm(1),
      conditioning: ({ strength }, state) => ({ conditioning: new Tensor(strength, [state.length, 1]) }),
    });
    const weak = await value.value(particles(1), times, { strength: Float32Array.of(0, 0, 0, 0) });
    const strong = await value.value(particles(1), times, { strength: Float32Array.of(0, 0, 0, 9) });
    expect(strong.slice(0, 3)).toEqual(weak.slice(0, 3));
    expect(strong[3]).not.toBe(weak[3]);
  });

  test("other outputs of the network have no part in the value or its gradient", async () => {
    const { graph, parameters } = valueMlp({ inDim: 2, width: 8, depth: 2, zeroStart: false });
    const g = new GraphBuilder(graph);
    g.output("distance", g.reduceSum(g.square(g.value("x")), { axes: [1] }));
    const definition = { graph: g.build().graph, parameters };
    const network = Network.initialize(definition, RandomKey.fromSeed(3), { engine });
    expect(() => new ValueNetwork({ network })).toThrow(
      /say which output is the value; the network gives value, distance/,
    );
    const value = new ValueNetwork({ network, output: "value" });
    const alone = new ValueNetwork({ network: plane() });
    const expected = await alone.valueAndGradient(x, t, {});
    const found = await value.valueAndGradient(x, t, {});
    expect(found.values).toEqual(expected.values);
    expect(found.gradient.data).toEqual(expected.gradient.data);
  });

  test("a regression fills the gradients of the weighted squares", async () => {
    const value = new ValueNetwork({ network: plane() });
    const { parameters, gradients } = value.network;
    const targets = wave(5, 8);
    const weights = Float32Array.of(1, 0, 2, 0.5, 1);
    const { loss, values } = await value.regress({ x, t, conditioning: {}, targets, weights });
    const lossOf = (v: Float32Array): number =>
      v.reduce((sum, vi, i) => sum + weights[i]! * (vi - targets[i]!) ** 2, 0);
    expect(values).toEqual(await value.value(x, t, {}));
    expect(loss).toBeCloseTo(lossOf(values), 5);
    const direction = wave(parameters.size, 9);
    const start = parameters.data.slice();
    const at = async (step: number): Promise<number> => {
      parameters.data.set(start.map((p, i) => p + step * direction[i]!));
      return lossOf(await value.value(x, t, {}));
    };
    const slope = ((await at(1e-3)) - (await at(-1e-3))) / 2e-3;
    expect(Math.abs(dot(gradients.data, direction) - slope)).toBeLessThan(5e-3 * Math.abs(slope));
  });

  test("weights default to one, and parts accumulate", async () => {
    const value = new ValueNetwork({ network: plane() });
    const targets = wave(5, 8);
    const whole = await value.regress({ x, t, conditioning: {}, targets });
    const expected = value.network.gradients.clone();
    const weights = new Float32Array(5).fill(1);
    expect((await value.regress({ x, t, conditioning: {}, targets, weights })).loss).toBe(whole.loss);
    const part = { conditioning: {}, accumulate: true };
    value.network.gradients.data.fill(0);
    await value.regress({ ...part, x: x.slice(0, 2), t: t.slice(0, 2), targets: targets.slice(0, 2) });
    await value.regress({ ...part, x: x.slice(2), t: t.slice(2), targets: targets.slice(2) });
    value.network.gradients.data.forEach((gradient, i) => {
      expect(gradient).toBeCloseTo(expected.data[i]!, 4);
    });
  });

  test("learns a function of x and t", async () => {
    const network = Network.initialize(valueMlp({ inDim: 1, width: 16, depth: 2 }), RandomKey.fromSeed(5), { engine });
    const value = new ValueNetwork({ network });
    const n = 64;
    const points = new DDTensor(
      new Tensor(
        Float32Array.from({ length: n }, (_, i) => (i / n) * 4 - 2),
        [n, 1],
      ),
    );
    const when = Float32Array.from({ length: n }, (_, i) => (i % 8) / 8);
    const targets = Float32Array.from(
      { length: n },
      (_, i) => points.data[i]! ** 2 * (1 - when[i]!) + 0.5 * points.data[i]!,
    );
    expect(await value.value(points, when, {})).toEqual(new Float32Array(n));
    const optimizer = new Adam(network.parameters, { learningRate: 0.01 });
    for (let step = 0; step < 600; step++) {
      await value.regress({ x: points, t: when, conditioning: {}, targets });
      optimizer.update(network.gradients);
    }
    const learned = await value.value(points, when, {});
    const error = Math.sqrt(learned.reduce((sum, v, i) => sum + (v - targets[i]!) ** 2, 0) / n);
    expect(error).toBeLessThan(0.05);
  });

  test("what does not fit is refused in words", async () => {
    const network = swarm();
    const value = new ValueNetwork({ network: plane() });
    await expect(value.value(x, t.slice(1), {})).rejects.toThrow(/4 times were given for 5 samples/);
    await expect(value.regress({ x, t, conditioning: {}, targets: t.slice(1) })).rejects.toThrow(ShapeError);
    const wide = new DDTensor(Tensor.zeros([5, 3]));
    await expect(value.value(wide, t, {})).rejects.toThrow(/"x" has the shape \[N, 2\].*\[5, 3\]/);
    const unnamed = new ValueNetwork<Particles>({ network, inputs: ["positions"] });
    await expect(unnamed.value(particles(1), times, {})).rejects.toThrow(/holds 2 tensors.*\[positions\]/);
    expect(() => new ValueNetwork({ network, output: "energy" })).toThrow(
      /no output "energy"; the network gives value/,
    );
    expect(() => new ValueNetwork({ network, time: "tau" })).toThrow(/no input "tau" for the times/);
  });

  test("NaN of the network, the state or the targets is an error", async () => {
    const value = new ValueNetwork({ network: plane() });
    const targets = wave(5, 8);
    targets[2] = Number.NaN;
    await expect(value.regress({ x, t, conditioning: {}, targets })).rejects.toThrow(NonFiniteError);
    value.network.parameters.get("head.bias").data[0] = Infinity;
    await expect(value.value(x, t, {})).rejects.toThrow(/gives Infinity for sample 0/);
    value.network.parameters.get("head.weight").data[0] = Infinity;
    await expect(value.gradient(x, t, {})).rejects.toThrow(NonFiniteError);
  });
});
