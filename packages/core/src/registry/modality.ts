import { RegistryError } from "../errors/index.js";
import type { ModalityKit } from "./modality-kit.js";

const kits = new Map<string, ModalityKit>();

/**
 * Registers what a modality brings besides models and rewards; the same kit again is harmless.
 * @param modality first part of the modality's ids, such as `"audio"`
 * @throws RegistryError when another kit is registered
 */
export function registerModality(modality: string, kit: ModalityKit): void {
  const existing = kits.get(modality);
  if (existing !== undefined && existing !== kit) {
    throw new RegistryError(
      `The modality "${modality}" has a kit already. Register under the name of your own ids, or look whether two versions of a ` +
        "package are loaded.",
      modality,
    );
  }
  kits.set(modality, kit);
}

/** What the modality of an id (or a modality by name) brings besides models and rewards; empty when nothing was registered. */
export function modalityKit(id: string): ModalityKit {
  return kits.get(id.split("/")[0]!) ?? {};
}
