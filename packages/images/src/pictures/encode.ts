import { requireKnown } from "@diffusiongym/core";
import type { Canvas } from "../pixels/index.js";
import { loadSharp } from "../platform/index.js";

/** Formats of still pictures; png and webp lose nothing. */
export type PictureFormat = "png" | "webp" | "jpeg";

const formats: readonly string[] = ["png", "webp", "jpeg"] satisfies PictureFormat[];

/**
 * The bytes of a picture's file.
 * @throws MissingPackageError where sharp is not installed
 */
export async function encodeCanvas({ width, height, data }: Canvas, format: PictureFormat): Promise<Uint8Array> {
  const sharp = await loadSharp("Pictures");
  const image = sharp(data, { raw: { width, height, channels: 3 } });
  switch (format) {
    case "png":
      return image.png().toBuffer();
    case "webp":
      return image.webp({ lossless: true }).toBuffer();
    case "jpeg":
      return image.jpeg({ quality: 92, chromaSubsampling: "4:4:4" }).toBuffer();
  }
}

/**
 * The format that a path's ending names.
 * @throws ArgumentError for other endings
 */
export function formatOf(path: string): PictureFormat {
  return asFormat(ending(path));
}

/** A format by name, `jpg` included. @throws ArgumentError for other names */
export function asFormat(name: string): PictureFormat {
  const format = name === "jpg" ? "jpeg" : name;
  requireKnown("Pictures cannot be written as", format, formats, "format");
  return format as PictureFormat;
}

/** What follows the last dot of a path, in small letters. */
export function ending(path: string): string {
  return /\.(\w+)$/.exec(path)?.[1]?.toLowerCase() ?? "";
}
