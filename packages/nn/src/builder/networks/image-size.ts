import type { Dimension } from "../../ir/index.js";

/** Height and width of images, or one number for both. */
export type ImageSize = number | readonly [height: number, width: number];

/** The last two axes of images; symbols where the size is decided by each run. */
export function sizeOfImage(size: ImageSize | null | undefined): readonly [Dimension, Dimension] {
  return typeof size === "number" ? [size, size] : (size ?? ["H", "W"]);
}
