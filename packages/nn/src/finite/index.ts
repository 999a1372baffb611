export { firstNonFinite } from "./non-finite.js";
