import type { DDTensor } from "@diffusiongym/core";
import { imageShape } from "./image-shape.js";

/**
 * Bytes of one image, pixel by pixel: v * 255 in single precision, without its fraction, as torchvision's `to_pil_image`.
 * @param images [n, c, h, w] in [0, 1], checked before
 * @param index which of them
 */
export function pixelBytes(images: DDTensor, index: number): Uint8Array {
  const { channels, height, width } = imageShape(images);
  const pixels = height * width;
  const bytes = new Uint8Array(pixels * channels);
  const offset = index * bytes.length;
  for (let channel = 0; channel < channels; channel++) {
    const plane = offset + channel * pixels;
    for (let pixel = 0; pixel < pixels; pixel++) {
      bytes[pixel * channels + channel] = Math.fround(images.data[plane + pixel]! * 255);
    }
  }
  return bytes;
}
