import { Cosine, FeatureSchedulers, RandomKey } from "@diffusiongym/core";
import {
  type FlowMolConfiguration,
  FlowMolModel,
  type FlowMolModelOptions,
  flowMolNetwork,
  qm9Atoms,
} from "@diffusiongym/molecules";
import { Network } from "@diffusiongym/nn";

/** A network of the family that compiles in a moment. */
export const tinyConfiguration: FlowMolConfiguration = {
  atoms: qm9Atoms,
  nodeScalars: 8,
  edgeScalars: 6,
  vectors: 3,
  crossProducts: 2,
  updates: 2,
  messagePerceptrons: 1,
  nodePerceptrons: 1,
  positionPerceptrons: 2,
  radialFunctions: 4,
  radialRange: 6,
  messageNorm: 4,
};

/** A model of it with random parameters. */
export function tinyModel(options: Partial<FlowMolModelOptions> = {}): FlowMolModel {
  return new FlowMolModel({
    network: Network.initialize(flowMolNetwork(tinyConfiguration), RandomKey.fromSeed(0)),
    atoms: qm9Atoms,
    scheduler: new FeatureSchedulers({
      positions: new Cosine(1),
      atomTypes: new Cosine(2),
      charges: new Cosine(2),
      bonds: new Cosine(1.5),
    }),
    atomCounts: { counts: [2, 3, 6], weights: [1, 2, 1] },
    ...options,
  });
}
