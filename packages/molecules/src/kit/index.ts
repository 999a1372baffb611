import type { ModalityKit } from "@diffusiongym/core";
import { presentMolecules } from "./present.js";
import { moleculeValueNetwork } from "./value-network.js";

/** What tools need to know of molecules besides models and rewards. */
export const moleculeKit: ModalityKit = { present: presentMolecules, valueNetwork: moleculeValueNetwork };
