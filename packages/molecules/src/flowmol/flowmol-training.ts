import {
  BaseModel,
  type MaybePromise,
  type ModelInput,
  type SampleStreams,
  Tensor,
  type TrainingPair,
  type TrainLossOptions,
} from "@diffusiongym/core";
import type { LossGradient, Network, OutputRegression } from "@diffusiongym/nn";
import type { MoleculeGraph } from "../graph/index.js";
import type { FlowMolModel, MoleculeConditioning } from "./flowmol-model.js";
import { lossInputs, summedLoss } from "./loss.js";
import { structureInputs } from "./structure-inputs.js";

/**
 * A FlowMol model as `trainBaseModel` of `@diffusiongym/methods` takes it: what is fitted is `trainLoss`, cross-entropies and
 * all, in place of the squared error of every feature.
 *
 *     await trainBaseModel(new FlowMolTraining(model), { data: { x1: molecules }, timeRange: [0, 1] });
 */
export class FlowMolTraining extends BaseModel<MoleculeGraph, MoleculeConditioning> {
  readonly outputType = "endpoint";
  readonly scheduler: FlowMolModel["scheduler"];
  readonly network: Network;
  #loss: LossGradient | undefined;

  /** @param model whose network is trained */
  constructor(readonly model: FlowMolModel) {
    super();
    this.scheduler = model.scheduler;
    this.network = model.network;
  }

  sampleP0(
    n: number,
    streams: SampleStreams,
    conditioning: Partial<MoleculeConditioning>,
  ): MaybePromise<ModelInput<MoleculeGraph, MoleculeConditioning>> {
    return this.model.sampleP0(n, streams, conditioning);
  }

  forward(x: MoleculeGraph, t: Float32Array, conditioning: MoleculeConditioning): Promise<MoleculeGraph> {
    return this.model.forward(x, t, conditioning);
  }

  override trainLoss(
    x1: MoleculeGraph,
    options: TrainLossOptions<MoleculeGraph, MoleculeConditioning> = {},
  ): Promise<Float32Array> {
    return this.model.trainLoss(x1, options);
  }

  override trainingPair(
    x1: MoleculeGraph,
    options: Omit<TrainLossOptions<MoleculeGraph, MoleculeConditioning>, "prediction"> = {},
  ): TrainingPair<MoleculeGraph> {
    return this.model.trainingPair(x1, options);
  }

  /** Computes sum_i w_i L_i, L the loss of `trainLoss`, and leaves its gradient in `network.gradients`. */
  async regress(batch: OutputRegression<MoleculeGraph, MoleculeConditioning>): Promise<{ readonly loss: number }> {
    const { x, t, conditioning: _, targets, weights, reduction: __, ...options } = batch;
    this.#loss ??= this.network.lossGradient(summedLoss);
    const state = Object.fromEntries(x.partNames().map((name, k) => [name, x.tensors()[k]!]));
    const feeds = { ...state, t: new Tensor(t, [t.length]), ...structureInputs(x.structure) };
    return this.#loss.run({ ...feeds, ...lossInputs(targets, weights, this.model.lossFactors(t)) }, options);
  }
}
