export { Draft, type DraftOptions } from "./draft.js";
export { type DataAnchor, ReFL, type ReFLOptions } from "./refl.js";
export { type TruncatedGradientRequest, truncatedGradient } from "./truncated-gradient.js";
export { AlignProp, DraftLowVariance } from "./variants.js";
