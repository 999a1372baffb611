import { type FlowMolConfiguration, qm9Atoms } from "../flowmol/index.js";

/** The network of `molecules/small`; the script that trains it reads this too, so that both agree. */
export const smallConfiguration: FlowMolConfiguration = {
  atoms: qm9Atoms,
  nodeScalars: 96,
  edgeScalars: 48,
  vectors: 8,
  crossProducts: 0,
  updates: 5,
  messagePerceptrons: 1,
  nodePerceptrons: 2,
  positionPerceptrons: 2,
  radialFunctions: 16,
  radialRange: 8,
  messageNorm: 10,
  updatesAfterFirst: true,
};

/**
 * Exponents of the cosine schedules. None is above 1, so that the first step of the memoryless process, which adaptation
 * simulates, does not enlarge the state; positions come first, so that bonds are decided where atoms stand.
 */
export const smallSchedule = { positions: 0.7, atomTypes: 1, charges: 1, bonds: 1 } as const;

/** Weights of the features in its training: more for atom types and bonds than the published models have, whose charges vary. */
export const smallLossWeights = { positions: 3, atomTypes: 1, charges: 0.5, bonds: 3 } as const;
