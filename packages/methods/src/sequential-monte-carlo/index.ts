export type { Potential, SequentialMonteCarloOptions } from "./options.js";
export {
  type ParticleRun,
  SequentialMonteCarlo,
  type SequentialMonteCarloEndpoints,
  type WeightedParticles,
} from "./sequential-monte-carlo.js";
