import { type DDTensor, ShapeError } from "@diffusiongym/core";

/** Axes of a batch of images. */
export interface ImageShape {
  /** 1 for grey, 3 for red, green, blue. */
  readonly channels: number;
  readonly height: number;
  readonly width: number;
}

/**
 * Axes of a batch [n, c, h, w] of images.
 * @param channels numbers of channels that are allowed. @default 1 and 3
 * @throws ShapeError for anything else, latents of four channels included
 */
export function imageShape(images: DDTensor, channels: readonly number[] = [1, 3]): ImageShape {
  const [found, height, width] = images.sampleShape;
  if (images.shape.length !== 4 || !channels.includes(found!) || height === 0 || width === 0) {
    throw new ShapeError(
      `Images must have the shape [n, c, h, w] with ${channels.join(" or ")} channels, got [${images.shape.join(", ")}].`,
      undefined,
      images.shape,
    );
  }
  return { channels: found!, height: height!, width: width! };
}
