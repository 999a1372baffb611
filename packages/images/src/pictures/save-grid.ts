import type { DDTensor } from "@diffusiongym/core";
import { checkRange, drawGrid, type GridOptions } from "../pixels/index.js";
import { requireNode, writeBeside } from "../platform/index.js";
import { encodeCanvas, formatOf, type PictureFormat } from "./encode.js";

/**
 * A batch as one picture, for a page or a report.
 * @param images [n, c, h, w] in [0, 1], one or three channels, at least one image
 * @returns the bytes of the picture's file
 * @throws ShapeError, ArgumentError, NonFiniteError, naming the sample; MissingPackageError where sharp is not installed
 */
export async function encodeGrid(
  images: DDTensor,
  { format = "png", ...options }: GridOptions & { /** @default "png" */ readonly format?: PictureFormat } = {},
): Promise<Uint8Array> {
  const canvas = drawGrid(images, options);
  checkRange(images);
  return encodeCanvas(canvas, format);
}

/**
 * Saves a batch as one picture: `grid.png`, `.webp` or `.jpg`. Written beside and renamed; Node only.
 * @param images [n, c, h, w] in [0, 1], one or three channels, at least one image
 * @param path of the file; its folder is made
 * @throws as `encodeGrid`, and for a path that names no such format or cannot be written
 */
export async function saveGrid(images: DDTensor, path: string, options: GridOptions = {}): Promise<void> {
  const node = requireNode("Saving a picture");
  const bytes = await encodeGrid(images, { ...options, format: formatOf(path) });
  await writeBeside(node, node.path.resolve(path), bytes);
}
