export { SVDD, type SVDDOptions } from "./svdd.js";
