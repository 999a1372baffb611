export { type Vjp, type VjpOptions, vjp } from "./vjp.js";
