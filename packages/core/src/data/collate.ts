import { ArgumentError } from "../errors/index.js";
import type { DiffusionData } from "./diffusion-data.js";
import type { DataType } from "./protocol.js";

/**
 * Joins batches of one data type in order, through the type's static `collate`.
 * @throws ArgumentError when there is nothing to join, or the type has no static `collate`
 */
export function collate<D extends DiffusionData<D>>(items: readonly D[]): D {
  const first = items[0];
  if (first === undefined) {
    throw new ArgumentError("collate: there is nothing to join; give at least one batch.", "items", items);
  }
  const type = first.constructor as unknown as Partial<DataType<D>> & { readonly name: string };
  if (typeof type.collate !== "function") {
    throw new ArgumentError(
      `collate: the data type ${type.name} has no static collate(items); write one.`,
      "items",
      items,
    );
  }
  return type.collate(items);
}
