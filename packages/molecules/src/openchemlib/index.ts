export { loadOpenChemLib, type OpenChemLib } from "./load.js";
