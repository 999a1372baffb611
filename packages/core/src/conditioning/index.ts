export * from "./conditioning.js";
