export { type DrawRequest, drawStart, type Endpoints, judge, rewardGradient } from "./draw.js";
export {
  drawEndpoints,
  type EndpointRequest,
  type FlowOptions,
  integrateFlow,
  joinEndpoints,
  odeTimes,
} from "./endpoints.js";
export { hasVelocity, type OdeSolverName, odeSolverNames, odeStepper } from "./ode-solver.js";
export type { OdeStep, OdeStepper, OutputField } from "./ode-step.js";
export { type Rollout, type RolloutField, type RolloutRequest, rollOut } from "./rollout.js";
