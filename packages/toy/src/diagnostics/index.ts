export * from "./achieved-scale.js";
export * from "./mean-reward.js";
export * from "./mode-weights.js";
export * from "./ode-density.js";
export * from "./path-weights.js";
export * from "./tilt-report.js";
export * from "./velocity-field.js";
export * from "./wasserstein.js";
