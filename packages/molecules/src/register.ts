import { registerBaseModel, registerModality, registerReward } from "@diffusiongym/core";
import { type FlowMolOptions, type MoleculeConditioning, makeFlowMolGeom, makeFlowMolQm9 } from "./flowmol/index.js";
import type { MoleculeGraph } from "./graph/index.js";
import { moleculeKit } from "./kit/index.js";
import {
  DipoleMomentReward,
  EnergyReward,
  HeatCapacityReward,
  HomoLumoGapReward,
  HomoReward,
  LogPReward,
  LumoReward,
  type MoleculeRewardOptions,
  PolarizabilityReward,
  QedReward,
  SimilarityReward,
  type SimilarityRewardOptions,
  TpsaReward,
  ValidityReward,
  type XtbRewardOptions,
} from "./rewards/index.js";
import { makeSmallMolecules, type SmallMoleculesOptions } from "./small/index.js";

/** What the registry knows of a model of molecules. */
interface MoleculeModelEntry<Options> {
  data: MoleculeGraph;
  conditioning: MoleculeConditioning;
  options: Options;
}

/** What the registry knows of a reward of molecules; it goes with models of any conditioning. */
interface MoleculeRewardEntry<Options> {
  data: MoleculeGraph;
  conditioning: object;
  options: Options;
}

declare module "@diffusiongym/core" {
  interface BaseModelRegistry {
    "molecules/small": MoleculeModelEntry<SmallMoleculesOptions>;
    "molecules/flowmol_qm9": MoleculeModelEntry<FlowMolOptions>;
    "molecules/flowmol_geom": MoleculeModelEntry<FlowMolOptions>;
  }
  interface RewardRegistry {
    "molecules/validity": MoleculeRewardEntry<MoleculeRewardOptions>;
    "molecules/qed": MoleculeRewardEntry<MoleculeRewardOptions>;
    "molecules/logp": MoleculeRewardEntry<MoleculeRewardOptions>;
    "molecules/tpsa": MoleculeRewardEntry<MoleculeRewardOptions>;
    "molecules/similarity": MoleculeRewardEntry<SimilarityRewardOptions>;
    "molecules/energy": MoleculeRewardEntry<XtbRewardOptions>;
    "molecules/homo": MoleculeRewardEntry<XtbRewardOptions>;
    "molecules/lumo": MoleculeRewardEntry<XtbRewardOptions>;
    "molecules/homo_lumo_gap": MoleculeRewardEntry<XtbRewardOptions>;
    "molecules/dipole_moment": MoleculeRewardEntry<XtbRewardOptions>;
    "molecules/polarizability": MoleculeRewardEntry<XtbRewardOptions>;
    "molecules/heat_capacity": MoleculeRewardEntry<XtbRewardOptions>;
  }
}

registerModality("molecules", moleculeKit);

const atomCountsHelp = '{"counts": [...], "weights": [...]}, how likely each number of atoms is';

registerBaseModel("molecules/small", makeSmallMolecules, {
  description: "a small FlowMol network for molecules of few atoms of C, H, N, O, F; comes with the package",
  options: { atomCounts: `${atomCountsHelp}, default as in the data it was trained on` },
});

const flowMolHelp = {
  source: "path or address of the converted weights, .safetensors or .onnx; needed",
  atomCounts: `${atomCountsHelp}, default what the file says`,
  alignment: "bring noise near its data in trainLoss, default true",
};
registerBaseModel("molecules/flowmol_qm9", makeFlowMolQm9, {
  description: "FlowMol v0.2 trained on QM9 (6.7 million parameters); needs a converted checkpoint",
  options: flowMolHelp,
});
registerBaseModel("molecules/flowmol_geom", makeFlowMolGeom, {
  description: "FlowMol v0.2 trained on GEOM-drugs (4.3 million parameters); needs a converted checkpoint",
  options: flowMolHelp,
});

const vocabularyHelp =
  '{"elements": [...], "charges": [...], "bonds": [...]}, what the columns of the graphs mean, default those of FlowMol';
const rewardHelp = (invalid: number) => ({
  invalidReward: `what an invalid molecule gets, default ${invalid}`,
  vocabulary: vocabularyHelp,
});
const xtbHelp = (invalid: number) => ({
  ...rewardHelp(invalid),
  relax: "move each molecule to the nearest minimum of MMFF94 first, default false; needs openchemlib",
  program: 'name or path of xtb, default "xtb"',
  timeoutMs: "milliseconds after which the run of one molecule is killed, default 120000",
  processes: "runs at a time, default one a core",
  directory: "folder for the runs' own folders, default the system's for temporary files",
});

registerReward("molecules/validity", ValidityReward, {
  description: "1 for a molecule that RDKit sanitises and that is one piece, else 0; no gradient; needs @rdkit/rdkit",
  options: rewardHelp(0),
});
registerReward("molecules/qed", QedReward, {
  description: "drug-likeness QED, 0 to 1; no gradient; needs @rdkit/rdkit",
  options: rewardHelp(0),
});
registerReward("molecules/logp", LogPReward, {
  description: "Crippen's logarithm of the octanol-water partition coefficient; no gradient; needs @rdkit/rdkit",
  options: rewardHelp(-10),
});
registerReward("molecules/tpsa", TpsaReward, {
  description: "topological polar surface area in square angstrom; no gradient; needs @rdkit/rdkit",
  options: rewardHelp(0),
});
registerReward("molecules/similarity", SimilarityReward, {
  description: "Tanimoto similarity of the Morgan fingerprint to a target's, 0 to 1; no gradient; needs @rdkit/rdkit",
  options: {
    target: "SMILES of the molecule to be like; needed",
    radius: "bonds from an atom to the edge of its surroundings, default 2",
    bits: "length of the fingerprint, default 2048",
    ...rewardHelp(0),
  },
});
registerReward("molecules/energy", EnergyReward, {
  description: "GFN2-xTB total energy in hartree; no gradient; needs the program xtb",
  options: xtbHelp(-500),
});
registerReward("molecules/homo", HomoReward, {
  description: "GFN2-xTB energy of the highest occupied orbital in eV; no gradient; needs the program xtb",
  options: xtbHelp(-25),
});
registerReward("molecules/lumo", LumoReward, {
  description: "GFN2-xTB energy of the lowest unoccupied orbital in eV; no gradient; needs the program xtb",
  options: xtbHelp(-25),
});
registerReward("molecules/homo_lumo_gap", HomoLumoGapReward, {
  description: "GFN2-xTB gap between those orbitals in eV; no gradient; needs the program xtb",
  options: xtbHelp(0),
});
registerReward("molecules/dipole_moment", DipoleMomentReward, {
  description: "GFN2-xTB dipole moment in debye; no gradient; needs the program xtb",
  options: xtbHelp(0),
});
registerReward("molecules/polarizability", PolarizabilityReward, {
  description: "GFN2-xTB static polarizability in bohr^3; no gradient; needs the program xtb",
  options: xtbHelp(0),
});
registerReward("molecules/heat_capacity", HeatCapacityReward, {
  description: "GFN2-xTB heat capacity at 298.15 K in cal/(mol K), many times as slow; needs the program xtb",
  options: xtbHelp(0),
});
