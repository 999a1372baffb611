import {
  type AtomCountDistribution,
  type FlowMolDescription,
  type FlowMolModel,
  openFlowMol,
} from "../flowmol/index.js";
import { smallConfiguration, smallSchedule } from "./configuration.js";

/** Options of `molecules/small`. */
export interface SmallMoleculesOptions {
  /** How likely each number of atoms is. @default as in the data that the model was trained on */
  readonly atomCounts?: AtomCountDistribution;
}

/** The parameters and the numbers of atoms, beside the code of the package; written by tooling/models/train-molecules.mjs. */
const weights = new URL("../../assets/small.safetensors", import.meta.url);

/**
 * The maker of `molecules/small`: a small FlowMol network that was trained on enumerated molecules of few atoms of C, H, N, O
 * and F, and comes with the package. Its training ended on noise as it is drawn, so that processes with noise, by which methods
 * adapt, follow its law too. How good its molecules are is in the README.
 * @throws FileError when the file is missing from the installation
 */
export function makeSmallMolecules({ atomCounts }: SmallMoleculesOptions = {}): Promise<FlowMolModel> {
  const description: FlowMolDescription = {
    configuration: smallConfiguration,
    schedule: smallSchedule,
    atomCounts: { counts: [9], weights: [1] },
  };
  return openFlowMol(weights, { description, ...(atomCounts !== undefined && { atomCounts }) });
}
