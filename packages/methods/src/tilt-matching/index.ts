export { explicitTarget, implicitTarget, type TiltOutputs } from "./targets.js";
export { type TiltForm, TiltMatching, type TiltMatchingOptions } from "./tilt-matching.js";
