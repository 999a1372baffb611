export * from "./tensor.js";
