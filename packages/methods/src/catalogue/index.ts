export { methodCatalogue } from "./catalogue.js";
export type { AdaptedBy, CatalogueEntry, MadeMethod, MethodParts, TrainedPart } from "./entry.js";
export type { Knob, Knobs, KnobValues } from "./knob.js";
