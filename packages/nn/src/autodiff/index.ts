export { type GradientsOptions, gradients } from "./gradients.js";
export { type JacobianTrace, type JacobianTraceOptions, jacobianTrace } from "./jacobian-trace.js";
export { type Jvp, type JvpOptions, jvp } from "./jvp.js";
export type { Checkpointing } from "./segments.js";
export { type Vjp, type VjpOptions, vjp } from "./vjp.js";
