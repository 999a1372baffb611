export { type DriftRequest, type DriftRows, measureDrift } from "./drift.js";
export { explicitTarget, implicitTarget, type TiltOutputs } from "./targets.js";
export { type TiltForm, TiltMatching, type TiltMatchingOptions } from "./tilt-matching.js";
