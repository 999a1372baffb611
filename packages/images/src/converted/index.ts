export { convertedPlace } from "./place.js";
