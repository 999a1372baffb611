export { importModality, importModalityPackage, importPackage, modalityOf, ownModalities } from "./modalities.js";
export { checkPartOptions, findPart, type PartKind, partSection } from "./part-options.js";
