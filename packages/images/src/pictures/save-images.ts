import { ArgumentError, type DDTensor } from "@diffusiongym/core";
import { checkRange, drawGrid } from "../pixels/index.js";
import { requireNode, writeBeside } from "../platform/index.js";
import { asFormat, encodeCanvas, type PictureFormat } from "./encode.js";

/** Options of `saveImages`. */
export interface SaveImagesOptions {
  /** @default "png" */
  readonly format?: PictureFormat;
  /** Pixels of the picture for one of the image, along each side. @default 1 */
  readonly scale?: number;
  /** What the names begin with. @default "" */
  readonly prefix?: string;
  /** Number of the first image. @default 0 */
  readonly first?: number;
}

/**
 * Saves each image as a file of its own: `0000.png`, `0001.png`, ... Written beside and renamed; Node only.
 * @param images [n, c, h, w] in [0, 1], one or three channels
 * @param folder made when it does not exist
 * @returns the paths, in order
 * @throws ShapeError, ArgumentError, NonFiniteError, naming the sample, before anything is written; MissingPackageError
 */
export async function saveImages(
  images: DDTensor,
  folder: string,
  { format = "png", scale = 1, prefix = "", first = 0 }: SaveImagesOptions = {},
): Promise<string[]> {
  const node = requireNode("Saving pictures");
  if (!Number.isInteger(first) || first < 0) {
    throw new ArgumentError(`first must be a whole number >= 0, got ${String(first)}.`, "first", first);
  }
  const known = asFormat(format);
  checkRange(images);
  const digits = Math.max(4, String(first + images.length - 1).length);
  const paths: string[] = [];
  for (let i = 0; i < images.length; i++) {
    const number = String(first + i).padStart(digits, "0");
    const path = node.path.resolve(folder, `${prefix}${number}.${known === "jpeg" ? "jpg" : known}`);
    const bytes = await encodeCanvas(drawGrid(images.at(i), { scale, gap: 0 }), known);
    await writeBeside(node, path, bytes);
    paths.push(path);
  }
  return paths;
}
