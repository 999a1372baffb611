export { type ClassLabel, type ClassLabels, ClassNames } from "./class-names.js";
export { type DitConditioning, type DitDefaults, DitModel, type DitModelOptions } from "./dit-model.js";
export { type DitLoadingOptions, type DitOptions, type DitSizes, loadDit, makeDit } from "./load-dit.js";
