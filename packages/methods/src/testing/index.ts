export { checkMethod, type MethodCheck, type MethodSetup } from "./check-method.js";
