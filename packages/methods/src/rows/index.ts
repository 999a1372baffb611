export { repeatEach, stackCoefficients, timesPerSample } from "./coefficients.js";
export { combineCoefficients } from "./combine.js";
export { groupsOfSteps, repeatConditioning, stackData, unstackData } from "./stack.js";
export { takeConditioning } from "./take.js";
