export {
  type AncestralKernelOptions,
  ancestralKernel,
  eulerMaruyamaKernel,
  type KernelCoefficients,
  type TransitionKernel,
} from "./kernel.js";
export { Transition, type TransitionModel, transitionsAlong } from "./transition.js";
