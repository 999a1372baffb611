export { type ActingRequest, actingOutputs, endpointOf, type Proposal } from "./acting.js";
export {
  type ParticleRequest,
  particleRequest,
  partsOfRuns,
  type Runs,
  rangeOf,
  runsOf,
  takeEndpoints,
} from "./runs.js";
export type { SteeredEndpoints, SteeredSampler } from "./sampler.js";
