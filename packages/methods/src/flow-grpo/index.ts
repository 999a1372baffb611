export { FlowGRPO } from "./flow-grpo.js";
export type { FlowGRPOOptions, StepKlForm } from "./options.js";
