import { DDRecord, DDTensor, OptimalTransport, RandomKey, Tensor } from "@diffusiongym/core";
import { checkBaseModel } from "@diffusiongym/core/testing";
import { afterAll, expect, test } from "vitest";
import { expectAllClose } from "../../../../tooling/test/close.js";
import { fourierTimeFeatures, GraphBuilder, linear, mlp, silu } from "../../src/builder/index.js";
import { Engine } from "../../src/engine/index.js";
import { Network, NetworkModel } from "../../src/network/index.js";
import { Adam } from "../../src/optimizers/index.js";
import { directionalDerivative, dot, wave } from "./finite-differences.js";

const engine = new Engine({ threads: 1 });
afterAll(() => engine.dispose());

const scheduler = new OptimalTransport();

function tensorModel(): NetworkModel {
  const definition = mlp({ inDim: 2, timeDim: 4, condDim: 4, width: 8, depth: 1 });
  const network = Network.initialize(definition, RandomKey.fromSeed(1), { engine });
  network.parameters.data.forEach((value, i) => {
    network.parameters.data[i] = value + 0.1 * Math.sin(i);
  });
  return new NetworkModel({ network, outputType: "velocity", scheduler, start: [2] });
}

type Particles = DDRecord<{ positions: DDTensor; colours: DDTensor }>;
const particles = (seed: number): Particles =>
  new DDRecord({
    positions: new DDTensor(new Tensor(wave(12, seed), [3, 4])),
    colours: new DDTensor(new Tensor(wave(3, seed + 1), [3, 1])),
  });

function recordModel(): NetworkModel<Particles> {
  const g = new GraphBuilder("particles");
  const parts = [g.input("positions", ["N", 4]), g.input("colours", ["N", 1])];
  const features = g.concat([...parts, fourierTimeFeatures(g, g.input("t", ["N"]))], 1);
  const hidden = silu(g, linear(g, features, { name: "hidden", out: 8 }));
  g.output("positions_out", linear(g, hidden, { name: "positions", out: 4 }));
  g.output("colours_out", linear(g, hidden, { name: "colours", out: 1 }));
  return new NetworkModel<Particles>({
    network: Network.initialize(g.build(), RandomKey.fromSeed(2), { engine }),
    outputType: "endpoint",
    scheduler,
    start: (n, streams) => ({
      x: new DDRecord({
        positions: DDTensor.randn(n, [4], streams.fold("positions")),
        colours: DDTensor.randn(n, [1], streams.fold("colours")),
      }),
      conditioning: {},
    }),
  });
}

test("is a base model by core's own conformance kit", async () => {
  await checkBaseModel(tensorModel());
  await checkBaseModel(recordModel());
});

test("a regression of any data type is sum_i w_i mean_j (output - target)^2, with its gradient", async () => {
  const model = recordModel();
  const { parameters, gradients } = model.network;
  const [x, targets] = [particles(1), particles(5)];
  const t = Float32Array.of(0.1, 0.5, 0.9);
  const weights = Float32Array.of(1, 0.25, 2);
  const batch = { x, t, conditioning: {}, targets, weights };
  const lossByHand = async (): Promise<number> => {
    const errors = (await model.forward(x, t, {})).sub(targets).squaredNorm();
    return errors.reduce((sum, error, i) => sum + (weights[i]! * error) / 5, 0);
  };
  const { loss } = await model.regress(batch);
  expect(loss).toBeCloseTo(await lossByHand(), 5);
  const direction = wave(parameters.size, 3);
  const slope = await directionalDerivative(lossByHand, parameters.data, direction, 1e-3);
  expect(Math.abs(dot(gradients.data, direction) - slope)).toBeLessThan(5e-3 * Math.abs(slope));
});

test("a cotangent goes back to the parameters and to the state, and gradients add up when asked", async () => {
  const model = recordModel();
  const { parameters, gradients } = model.network;
  const [x, cotangents] = [particles(1), particles(5)];
  const t = Float32Array.of(0.1, 0.5, 0.9);
  const batch = { x, t, conditioning: {}, cotangents };
  const product = async (state = x): Promise<number> =>
    (await model.forward(state, t, {}))
      .mul(cotangents)
      .aggregate("sum")
      .reduce((sum, value) => sum + value, 0);
  const { output } = await model.backward(batch);
  expect(output.aggregate("sum")).toEqual((await model.forward(x, t, {})).aggregate("sum"));
  const direction = wave(parameters.size, 3);
  const slope = await directionalDerivative(product, parameters.data, direction, 1e-3);
  expect(Math.abs(dot(gradients.data, direction) - slope)).toBeLessThan(5e-3 * Math.abs(slope));
  const once = gradients.data.slice();
  await model.backward({ ...batch, accumulate: true });
  expect([...gradients.data]).toEqual([...once.map((value) => 2 * value)]);

  const { gradient } = await model.vjp(batch);
  const move = particles(9);
  const step = (h: number): Promise<number> => product(x.linearCombination(1, [[h, move]]));
  const along = ((await step(1e-2)) - (await step(-1e-2))) / 2e-2;
  const expected = gradient
    .mul(move)
    .aggregate("sum")
    .reduce((sum, value) => sum + value, 0);
  expect(Math.abs(expected - along)).toBeLessThan(5e-3 * Math.abs(along));
});

test("weights may differ between the parts of the data, and a sum counts every entry", async () => {
  const model = recordModel();
  const [x, targets] = [particles(1), particles(5)];
  const t = Float32Array.of(0.1, 0.5, 0.9);
  const weights = { positions: Float32Array.of(1, 0, 2), colours: 3 };
  const { loss, output } = await model.regress({ x, t, conditioning: {}, targets, weights, reduction: "sum" });
  const roots = { positions: Float32Array.of(1, 0, Math.SQRT2), colours: Math.sqrt(3) };
  const errors = output.sub(targets).scale(roots).squaredNorm();
  expect(loss).toBeCloseTo(
    errors.reduce((sum, value) => sum + value, 0),
    4,
  );
});

test("under other parameters it shares what is compiled and nothing else", async () => {
  const model = tensorModel();
  const copy = model.withNetwork(model.network.clone());
  copy.network.parameters.data.fill(0);
  const x = new DDTensor(new Tensor(wave(4, 1), [2, 2]));
  const t = Float32Array.of(0.3, 0.6);
  expect([...(await copy.forward(x, t, {})).data]).toEqual([0, 0, 0, 0]);
  expect((await model.forward(x, t, {})).data[0]).not.toBe(0);
});

test("a clone is trained alone: all parameters on the same graphs, or adapters on a packed copy", async () => {
  const model = tensorModel();
  const x = new DDTensor(new Tensor(wave(4, 1), [2, 2]));
  const t = Float32Array.of(0.3, 0.6);
  const before = (await model.forward(x, t, {})).data.slice();
  const batch = {
    x,
    t,
    conditioning: {},
    targets: new DDTensor(new Tensor(wave(4, 2), [2, 2])),
    weights: Float32Array.of(1, 1),
  };

  const all = model.clone();
  expect(all.network.parameters.names).toEqual(model.network.parameters.names);
  expect((await all.forward(x, t, {})).data).toEqual(before);

  const adapted = await model.clone({ trainable: "lora", rank: 2, targets: "*linear" });
  expect(adapted.network.parameters.names).toEqual(["blocks.0.linear.lora_A.weight", "blocks.0.linear.lora_B.weight"]);
  expectAllClose((await adapted.forward(x, t, {})).data, before, { absolute: 1e-6 });

  for (const copy of [all, adapted]) {
    const { loss } = await copy.regress(batch);
    new Adam(copy.network.parameters, { learningRate: 0.05 }).update(copy.network.gradients);
    expect((await copy.regress(batch)).loss).toBeLessThan(loss);
  }
  // Clones of what has adapters: with these, and as a whole.
  const again = adapted.clone({ trainable: "lora" });
  expect(again.network.lora).toBe(adapted.network.lora);
  const merged = adapted.clone({ trainable: "all" });
  expect(merged.network.parameters.names).toEqual(model.network.parameters.names);
  const now = (await adapted.forward(x, t, {})).data;
  expect((await again.forward(x, t, {})).data).toEqual(now);
  expectAllClose((await merged.forward(x, t, {})).data, now, { absolute: 1e-6 });
  expect(now).not.toEqual(before);
  expect((await model.forward(x, t, {})).data).toEqual(before);
});

test("with checkpoints its gradients have the same bits", async () => {
  const { network } = tensorModel();
  const make = (checkpoint: object): NetworkModel =>
    new NetworkModel({ network, outputType: "velocity", scheduler, start: [2], ...checkpoint });
  const [plain, checkpointed] = [make({}), make({ checkpoint: 2 })];
  const x = new DDTensor(new Tensor(wave(4, 1), [2, 2]));
  const t = Float32Array.of(0.3, 0.6);
  const batch = { x, t, conditioning: {}, targets: new DDTensor(new Tensor(wave(4, 2), [2, 2])), weights: t };
  const { loss } = await plain.regress(batch);
  const gradients = network.gradients.data.slice();
  expect((await checkpointed.regress(batch)).loss).toBe(loss);
  expect(network.gradients.data).toEqual(gradients);
  const cotangents = new DDTensor(new Tensor(wave(4, 3), [2, 2]));
  const { gradient } = await plain.vjp({ x, t, conditioning: {}, cotangents });
  expect((await checkpointed.vjp({ x, t, conditioning: {}, cotangents })).gradient.data).toEqual(gradient.data);
});
