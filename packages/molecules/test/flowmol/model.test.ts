import {
  ArgumentError,
  Environment,
  memorylessNoise,
  RandomKey,
  ShapeError,
  TimeGridError,
  ZeroReward,
} from "@diffusiongym/core";
import { checkBaseModel } from "@diffusiongym/core/testing";
import { alignNoise, type FlowMolModel, type MoleculeGraph } from "@diffusiongym/molecules";
import { describe, expect, it } from "vitest";
import { randomGraph } from "../support/graphs.js";
import { tinyModel } from "./tiny-model.js";

const model = tinyModel();
const streams = RandomKey.fromSeed(3).streams();

const total = (values: Float32Array): number => values.reduce((sum, value) => sum + value, 0);
const inner = (a: MoleculeGraph, b: MoleculeGraph): number => total(a.mul(b).aggregate("sum"));

describe("FlowMolModel", () => {
  it("passes the conformance kit, with atoms drawn and asked for", async () => {
    expect(await checkBaseModel(model)).toBeGreaterThan(5);
    expect(await checkBaseModel(model, { conditioning: { nAtoms: [3, 1, 5, 2] } })).toBeGreaterThan(5);
  });

  it("starts from noise without a centre of mass, bonds equal both ways, in as many atoms as asked", async () => {
    const { x, conditioning } = await model.sampleP0(3, streams, { nAtoms: 4 });
    expect(Array.from(x.structure.atomCounts)).toEqual([4, 4, 4]);
    expect(conditioning).toEqual({ nAtoms: Int32Array.of(4, 4, 4) });
    expect(total(x.sub(x.centred()).squaredNorm())).toBeLessThan(1e-10);
    expect(x.symmetrised().bonds).toEqual(x.bonds);
    const ragged = await model.sampleP0(3, streams, { nAtoms: [1, 6, 2] });
    expect(Array.from(ragged.x.structure.atomCounts)).toEqual([1, 6, 2]);
  });

  it("draws atom counts from its distribution", async () => {
    const { x } = await model.sampleP0(4000, streams, {});
    const share = (count: number): number => x.structure.atomCounts.filter((n) => n === count).length / 4000;
    for (const [count, expected] of [
      [2, 0.25],
      [3, 0.5],
      [6, 0.25],
    ] as const) {
      // Four standard errors of a share of 4000 draws.
      expect(Math.abs(share(count) - expected)).toBeLessThan(4 * Math.sqrt((expected * (1 - expected)) / 4000));
    }
  });

  it("refuses impossible atom counts", () => {
    expect(() => model.sampleP0(2, streams, { nAtoms: [3] })).toThrow(ShapeError);
    expect(() => model.sampleP0(1, streams, { nAtoms: 2.5 })).toThrow(ArgumentError);
    expect(() => model.sampleP0(1, streams, { nAtoms: 0 })).toThrow(ArgumentError);
    expect(() => tinyModel({ atomCounts: { counts: [3], weights: [0] } })).toThrow(ArgumentError);
  });

  it("is sampled without noise unless some is asked for, alike in batches of any size", async () => {
    const environment = new Environment(model, new ZeroReward(), { steps: 4 });
    expect(environment.noiseSchedule.spec()).toEqual({ type: "constant", sigma: 0 });
    const whole = await environment.sample(5, { seed: 2 });
    const parts = await environment.sample(5, { seed: 2, batchSize: 2 });
    expect(Array.from(parts.sample.structure.atomCounts)).toEqual(Array.from(whole.sample.structure.atomCounts));
    expect(total(parts.sample.sub(whole.sample).squaredNorm())).toBeLessThan(1e-8);
  });

  it("is refused by a memoryless process whose first step would enlarge features with nu above 1", () => {
    const noisy = (): unknown => new Environment(model, new ZeroReward(), { noiseSchedule: memorylessNoise() });
    expect(noisy).toThrow(TimeGridError);
  });

  it("gives vector-Jacobian products that are slopes along any direction", async () => {
    const x = randomGraph([4, 3], 1);
    const cotangents = randomGraph([4, 3], 2);
    const direction = randomGraph([4, 3], 3);
    const t = Float32Array.of(0.3, 0.7);
    const { output, gradient } = await model.vjp({ x, t, conditioning: {}, cotangents });
    const step = 2e-3;
    const value = async (sign: number): Promise<number> =>
      inner(cotangents, await model.forward(x.linearCombination(1, [[sign * step, direction]]), t, {}));
    const slope = ((await value(1)) - (await value(-1))) / (2 * step);
    expect(Math.abs(inner(gradient, direction) - slope)).toBeLessThan(5e-3 * Math.abs(slope) + 1e-3);
    expect(total(output.sub(await model.forward(x, t, {})).squaredNorm())).toBeLessThan(1e-10);
  });

  it("regresses with each bond counted once, and leaves the slope of that loss", async () => {
    const own = model.withNetwork(model.network.clone());
    const [x, targets] = [randomGraph([4, 2], 4), randomGraph([4, 2], 5)];
    const t = Float32Array.of(0.4, 0.6);
    const weights = Float32Array.of(0.3, 2);
    const loss = async (): Promise<number> => {
      const difference = (await own.forward(x, t, {})).sub(targets);
      return total(
        difference
          .mul(difference)
          .aggregate("mean")
          .map((mean, i) => mean * weights[i]!),
      );
    };
    const fitted = await own.regress({ x, t, conditioning: {}, targets, weights });
    expect(fitted.loss).toBeCloseTo(await loss(), 4);
    const byFeature = { positions: weights, atomTypes: weights, charges: weights, bonds: weights };
    expect((await own.regress({ x, t, conditioning: {}, targets, weights: byFeature })).loss).toBeCloseTo(
      fitted.loss,
      5,
    );
    await expectSlope(own, loss);
  });

  it("backs a cotangent up into its parameters", async () => {
    const own = model.withNetwork(model.network.clone());
    const [x, cotangents] = [randomGraph([3, 4], 6), randomGraph([3, 4], 7)];
    const t = Float32Array.of(0.2, 0.9);
    await own.backward({ x, t, conditioning: {}, cotangents });
    await expectSlope(own, async () => inner(cotangents, await own.forward(x, t, {})));
  });

  it("brings the noise of a training pair near its data when told to", async () => {
    const x1 = randomGraph([5, 4], 8);
    const t = Float32Array.of(0.5, 0.5);
    const drawn = model.trainingPair(x1, { t, streams }).x0;
    const aligned = model.withOptions({ alignment: true }).trainingPair(x1, { t, streams }).x0;
    expect(drawn.tensors()).toEqual(x1.randnLike(streams.fold("x0")).tensors());
    expect(aligned.tensors()).toEqual(alignNoise(drawn, x1).tensors());
    expect(aligned.positions.data).not.toEqual(drawn.positions.data);
    const given = model.withOptions({ alignment: true }).trainingPair(x1, { t, streams, x0: drawn }).x0;
    expect(given).toBe(drawn);
  });

  it("keeps its kind when it is copied", () => {
    const copy = model.clone();
    expect(copy).toBeInstanceOf(model.constructor);
    expect(copy.network.parameters).not.toBe(model.network.parameters);
  });
});

/** Compares the gradients that are in the network with the slope of a loss along themselves, scaled to unit length. */
async function expectSlope({ network }: FlowMolModel, loss: () => Promise<number>): Promise<void> {
  const { parameters } = network;
  const gradient = network.gradients.data.slice();
  const norm = Math.sqrt(total(gradient.map((value) => value * value)));
  const start = parameters.data.slice();
  const step = 1e-2 / norm;
  const at = async (sign: number): Promise<number> => {
    parameters.data.forEach((_, i) => {
      parameters.data[i] = start[i]! + sign * step * (gradient[i]! / norm) * norm;
    });
    return loss();
  };
  const slope = ((await at(1)) - (await at(-1))) / (2 * step);
  parameters.data.set(start);
  expect(norm).toBeGreaterThan(0);
  expect(Math.abs(slope / norm ** 2 - 1)).toBeLessThan(0.02);
}
