export { DDPO } from "./ddpo.js";
export type { DDPOOptions } from "./options.js";
export { RewardHistory, type StandardizeOptions } from "./reward-history.js";
