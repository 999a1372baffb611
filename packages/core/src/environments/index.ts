export type { Drift } from "./drift.js";
export {
  constructEnv,
  Environment,
  type EnvironmentOptions,
  type SampleOptions,
  type SampleProgress,
} from "./environment.js";
export type { RolloutOptions, RolloutStep } from "./rollout.js";
export { type Recorded, type RecordedField, recordedFields, Sample, type SampleFields } from "./sample.js";
export { eulerMaruyama, type Solver, type SolverStep } from "./solver.js";
export { type EnvironmentSpec, originOf, type PartSpec, setOrigin } from "./spec.js";
