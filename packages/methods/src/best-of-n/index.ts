export { BestOfN, type BestOfNOptions } from "./best-of-n.js";
