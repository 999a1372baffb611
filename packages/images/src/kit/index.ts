import type { ModalityKit } from "@diffusiongym/core";
import { presentImages } from "./present.js";
import { imageValueNetwork } from "./value-network.js";

/** What tools need to know of images besides models and rewards. */
export const imageKit: ModalityKit = { present: presentImages, valueNetwork: imageValueNetwork };
