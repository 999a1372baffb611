export { readXtbOutput, type XtbProperties, type XtbProperty } from "./output.js";
export { installXtb } from "./program.js";
export { relaxMolecules } from "./relax.js";
export { checkXtbOptions, needsHessian, runXtb, type XtbOptions, type XtbResult } from "./xtb.js";
