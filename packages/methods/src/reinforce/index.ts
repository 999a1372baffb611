export { Reinforce, type ReinforceOptions } from "./reinforce.js";
