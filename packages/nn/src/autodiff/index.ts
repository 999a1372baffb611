export type { Checkpointing } from "./segments.js";
export { type Vjp, type VjpOptions, vjp } from "./vjp.js";
