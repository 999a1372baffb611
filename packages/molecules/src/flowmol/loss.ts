import { type Coefficient, type SchedulerLike, Tensor } from "@diffusiongym/core";
import type { BuildLoss, GraphBuilder, GraphValue, NamedTensors } from "@diffusiongym/nn";
import { type FeatureName, featureNames, type MoleculeGraph } from "../graph/index.js";

/** Weight of each feature in the loss. */
export type FeatureWeights = { readonly [Name in FeatureName]: number };

/** The weights of the published models. */
export const flowMolLossWeights: FeatureWeights = { positions: 3, atomTypes: 0.4, charges: 1, bonds: 2 };

/** Probabilities below this count as this. It is far below what the network's softmax gives for logits that differ by 50. */
const smallestProbability = 1e-30;

/**
 * lambda_f(t) = alpha / beta cut to [0.05, 1.5] for every feature's own schedule: errors count more once the noise is low.
 */
export function timeWeights(scheduler: SchedulerLike, t: Float32Array): Coefficient {
  return scheduler.evaluateBatch((own, time) => {
    const beta = own.beta(time);
    return beta === 0 ? 1.5 : Math.min(1.5, Math.max(0.05, own.alpha(time) / beta));
  }, t);
}

/**
 * The loss of each molecule,
 *
 *     L_i = sum_f w_f lambda_f(t_i) mean over its atoms or bonds of l_f,
 *
 * l the squared error of positions (the mean of three coordinates) and the cross-entropy -log p_k of the others, k the class of
 * the target: where its entries are largest.
 * @param prediction probabilities, and positions
 * @param target positions, and one-hot classes or logits
 * @returns shape [n]
 */
export function lossOfEach(prediction: MoleculeGraph, target: MoleculeGraph, factors: LossFactors): Float32Array {
  const result = new Float32Array(target.length);
  for (const [k, name] of featureNames.entries()) {
    const { data: p, shape } = prediction[name];
    const { data: y } = name === "positions" ? target[name] : classesOf(target[name]);
    const columns = shape[1]!;
    const offsets = target.rowOffsets(k);
    for (let i = 0; i < result.length; i++) {
      let sum = 0;
      for (let j = offsets[i]! * columns; j < offsets[i + 1]! * columns; j++) {
        sum +=
          name === "positions" ? (p[j]! - y[j]!) ** 2 / 3 : -y[j]! * Math.log(Math.max(p[j]!, smallestProbability));
      }
      result[i]! += (sum * factorOf(factors, name, i)) / Math.max(offsets[i + 1]! - offsets[i]!, 1);
    }
  }
  return result;
}

/** What multiplies the mean loss of a molecule's feature. */
export interface LossFactors {
  /** w_f */
  readonly weights: FeatureWeights;
  /** lambda_f(t_i) */
  readonly times: Coefficient;
}

/** The sum of the losses of all molecules times weights of their own, as a graph; `lossInputs` makes what it is fed. */
export const summedLoss: BuildLoss = (g, outputs) =>
  featureNames
    .map((name) => {
      const prediction = outputs[`endpoint.${name}`]!;
      const target = g.input(`target.${name}`, prediction.shape);
      const errors = name === "positions" ? squaredError(g, prediction, target) : crossEntropy(g, prediction, target);
      return g.reduceSum(g.mul(errors, g.input(`weight.${name}`, [prediction.shape[0]!, 1])));
    })
    .reduce((sum, term) => g.add(sum, term));

function squaredError(g: GraphBuilder, prediction: GraphValue, target: GraphValue): GraphValue {
  return g.reduceMean(g.square(g.sub(prediction, target)), { axes: [1], keepDims: true });
}

function crossEntropy(g: GraphBuilder, prediction: GraphValue, target: GraphValue): GraphValue {
  return g.neg(
    g.reduceSum(g.mul(target, g.log(g.max(prediction, smallestProbability))), { axes: [1], keepDims: true }),
  );
}

/**
 * Targets and the weight of every row.
 * @param weights weight of each molecule, one number or shape [n], or that by feature
 */
export function lossInputs(target: MoleculeGraph, weights: Coefficient, factors: LossFactors): NamedTensors {
  const inputs: Record<string, Tensor> = {};
  for (const [k, name] of featureNames.entries()) {
    const offsets = target.rowOffsets(k);
    const rows = new Float32Array(offsets[target.length]!);
    for (let i = 0; i < target.length; i++) {
      const [from, to] = [offsets[i]!, offsets[i + 1]!];
      rows.fill((at(weights, name, i) * factorOf(factors, name, i)) / Math.max(to - from, 1), from, to);
    }
    inputs[`target.${name}`] = name === "positions" ? target[name] : classesOf(target[name]);
    inputs[`weight.${name}`] = new Tensor(rows, [rows.length, 1]);
  }
  return inputs;
}

/** 1 at the first of the largest entries of every row, 0 elsewhere. */
function classesOf({ data, shape }: Tensor): Tensor<Float32Array> {
  const columns = shape[1]!;
  const classes = new Float32Array(data.length);
  for (let row = 0; row < data.length; row += columns) {
    let best = row;
    for (let j = row + 1; j < row + columns; j++) {
      best = data[j]! > data[best]! ? j : best;
    }
    classes[best] = 1;
  }
  return new Tensor(classes, shape);
}

function factorOf({ weights, times }: LossFactors, name: FeatureName, molecule: number): number {
  return weights[name] * at(times, name, molecule);
}

function at(coefficient: Coefficient, name: FeatureName, molecule: number): number {
  if (typeof coefficient === "number") {
    return coefficient;
  }
  if (coefficient instanceof Float32Array || coefficient instanceof Float64Array) {
    return coefficient[molecule]!;
  }
  return at(coefficient[name] ?? 1, name, molecule);
}
