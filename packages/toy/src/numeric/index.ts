export * from "./box-probability.js";
export * from "./finite.js";
export * from "./gauss-legendre.js";
export * from "./log-sum-exp.js";
export * from "./normal-distribution.js";
export * from "./symmetric-eigen.js";
export * from "./vectors.js";
