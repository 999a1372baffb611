export {
  LogPReward,
  type MoleculeRewardOptions,
  QedReward,
  SimilarityReward,
  type SimilarityRewardOptions,
  TpsaReward,
  ValidityReward,
} from "./chemistry-rewards.js";
export {
  DipoleMomentReward,
  EnergyReward,
  HeatCapacityReward,
  HomoLumoGapReward,
  HomoReward,
  LumoReward,
  PolarizabilityReward,
  type XtbRewardOptions,
} from "./xtb-rewards.js";
