import { collate, RandomKey, Tensor } from "@diffusiongym/core";
import { FlowMolTraining, flowMolLossWeights, MoleculeGraph } from "@diffusiongym/molecules";
import { describe, expect, it } from "vitest";
import { randomGraph } from "../support/graphs.js";
import { tinyModel } from "./tiny-model.js";

/** A molecule of n atoms with one-hot features. */
function molecule(n: number, seed: number): MoleculeGraph {
  const graph = randomGraph([n], seed).centred();
  const [positions, ...others] = graph.tensors();
  return graph.withTensors([positions!, ...others.map(oneHot)]);
}

/** 1 for the largest entry of each row, 0 for the others. */
function oneHot(tensor: Tensor): Tensor {
  const columns = tensor.shape[1]!;
  const data = new Float32Array(tensor.size);
  for (let row = 0; row < tensor.size; row += columns) {
    const values = Array.from(tensor.data.subarray(row, row + columns));
    data[row + values.indexOf(Math.max(...values))] = 1;
  }
  return new Tensor(data, tensor.shape);
}

const streams = RandomKey.fromSeed(1).streams();

describe("the loss of FlowMol", () => {
  it("is the weighted sum of squared errors and cross-entropies, written out for two atoms", async () => {
    const zeros = MoleculeGraph.zeros([2], { atomTypes: 5, charges: 6, bonds: 5 });
    const twoAtoms = (positions: number[], types: number[][], charges: number[][], bond: number[]): MoleculeGraph =>
      MoleculeGraph.from({
        atomCounts: [2],
        positions: [positions.slice(0, 3), positions.slice(3)],
        atomTypes: types,
        charges,
        bonds: [bond, bond],
      });
    const target = twoAtoms(
      [1, 0, 0, -1, 0, 0],
      [
        [1, 0, 0, 0, 0],
        [0, 1, 0, 0, 0],
      ],
      [
        [0, 0, 1, 0, 0, 0],
        [0, 0, 1, 0, 0, 0],
      ],
      [0, 1, 0, 0, 0],
    );
    const prediction = twoAtoms(
      [1.5, 0, 0, -1.5, 0, 0],
      [
        [0.5, 0.5, 0, 0, 0],
        [0.75, 0.25, 0, 0, 0],
      ],
      [
        [0, 0, 0.8, 0.2, 0, 0],
        [0, 0, 1, 0, 0, 0],
      ],
      [0.9, 0.1, 0, 0, 0],
    );
    const t = Float32Array.of(0.5);
    const model = tinyModel();
    // alpha / beta of sin^2(pi t^nu / 2) at t = 1/2, between 0.05 and 1.5.
    const ratio = (nu: number): number => Math.min(1.5, Math.max(0.05, Math.tan((Math.PI / 2) * 0.5 ** nu) ** 2));
    const expected =
      3 * ratio(1) * (0.25 / 3) +
      0.4 * ratio(2) * ((Math.log(2) + Math.log(4)) / 2) +
      1 * ratio(2) * (-Math.log(0.8) / 2) +
      2 * ratio(1.5) * -Math.log(0.1);
    const loss = await model.trainLoss(target, { t, prediction, x0: zeros });
    expect(loss).toHaveLength(1);
    expect(loss[0]).toBeCloseTo(expected, 5);
  });

  it("weighs late times with 1.5 and early ones with 0.05", async () => {
    const target = molecule(3, 2);
    const prediction = target.linearCombination(1, [
      [{ positions: 1, atomTypes: 0, charges: 0, bonds: 0 }, randomGraph([3], 3)],
    ]);
    const at = async (time: number): Promise<number> =>
      (await tinyModel().trainLoss(target, { t: Float32Array.of(time), prediction, x0: randomGraph([3], 4) }))[0]!;
    expect((await at(0.999)) / (await at(0.01))).toBeCloseTo(1.5 / 0.05, 3);
    expect(await at(1)).toBeCloseTo(await at(0.999), 5);
  });

  it("is what FlowMolTraining fits: equal values, and their slopes as gradients", async () => {
    const model = tinyModel({ lossWeights: { ...flowMolLossWeights, bonds: 5 } });
    const training = new FlowMolTraining(model);
    const x1 = collate([molecule(4, 5), molecule(1, 6), molecule(3, 7)]);
    const t = Float32Array.of(0.3, 0.5, 0.8);
    const pair = training.trainingPair(x1, { t, streams });
    const weights = Float32Array.of(0.5, 1, 2);
    const loss = async (): Promise<number> => {
      const each = await training.trainLoss(x1, { t, x0: pair.x0 });
      return each.reduce((sum, value, i) => sum + value * weights[i]!, 0);
    };
    const batch = { x: pair.xt, t, conditioning: {}, targets: pair.target, weights };
    const fitted = await training.regress(batch);
    expect(fitted.loss).toBeCloseTo(await loss(), 4);

    const { parameters } = model.network;
    const gradient = model.network.gradients.data.slice();
    const squared = gradient.reduce((sum, value) => sum + value * value, 0);
    const start = parameters.data.slice();
    const step = 1e-2 / squared;
    const at = async (sign: number): Promise<number> => {
      parameters.data.forEach((_, i) => {
        parameters.data[i] = start[i]! + sign * step * gradient[i]!;
      });
      return loss();
    };
    const slope = ((await at(1)) - (await at(-1))) / (2 * step);
    parameters.data.set(start);
    expect(Math.abs(slope / squared - 1)).toBeLessThan(0.01);

    await training.regress({ ...batch, accumulate: true });
    expect(model.network.gradients.data[0]).toBeCloseTo(2 * gradient[0]!, 5);
  });
});
