export * from "./gaussian-mixture-model.js";
export * from "./named-mixtures.js";
