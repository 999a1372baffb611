import { ArgumentError, type DDTensor } from "@diffusiongym/core";
import { imageShape } from "./image-shape.js";

/** How a batch becomes one picture. */
export interface GridOptions {
  /** Images in a row. @default as many as make the grid square */
  readonly columns?: number;
  /** Pixels of the picture for one of the image, along each side. @default the number that brings the width to about 96 */
  readonly scale?: number;
  /** Pixels between images and around them. @default 4 */
  readonly gap?: number;
  /** Colour of the gaps: red, green, blue from 0 to 1. @default white */
  readonly background?: readonly [number, number, number];
}

/** A picture of three bytes a pixel, row by row. */
export interface Canvas {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array;
}

/**
 * Draws a batch as a grid, row by row; every pixel becomes a square. Values are rounded to bytes, those outside [0, 1] are
 * limited to it.
 * @param images [n, c, h, w] with one or three channels, at least one image
 * @throws ShapeError; ArgumentError for sizes that make no picture
 */
export function drawGrid(images: DDTensor, options: GridOptions = {}): Canvas {
  const { height, width } = imageShape(images);
  const { gap = 4, background = [1, 1, 1] } = options;
  const columns = Math.min(options.columns ?? Math.ceil(Math.sqrt(images.length)), Math.max(images.length, 1));
  const scale = options.scale ?? Math.max(1, Math.round(96 / width));
  requireWhole("columns", options.columns ?? 1, 1);
  requireWhole("scale", scale, 1);
  requireWhole("gap", gap, 0);
  if (images.length === 0) {
    throw new ArgumentError("A picture needs at least one image; the batch is empty.", "images", images.length);
  }
  const rows = Math.ceil(images.length / columns);
  const canvas = blank(columns * (width * scale + gap) + gap, rows * (height * scale + gap) + gap, background);
  for (let i = 0; i < images.length; i++) {
    const left = gap + (i % columns) * (width * scale + gap);
    const top = gap + Math.floor(i / columns) * (height * scale + gap);
    drawImage(canvas, images, { index: i, left, top, scale });
  }
  return canvas;
}

function blank(width: number, height: number, background: readonly [number, number, number]): Canvas {
  const colour = background.map(toByte);
  return { width, height, data: Uint8Array.from({ length: width * height * 3 }, (_, k) => colour[k % 3]!) };
}

function drawImage(
  canvas: Canvas,
  images: DDTensor,
  { index, left, top, scale }: { index: number; left: number; top: number; scale: number },
): void {
  const { channels, height, width } = imageShape(images);
  const plane = height * width;
  for (let y = 0; y < height * scale; y++) {
    for (let x = 0; x < width * scale; x++) {
      const pixel = Math.floor(y / scale) * width + Math.floor(x / scale);
      const target = ((top + y) * canvas.width + left + x) * 3;
      for (let channel = 0; channel < 3; channel++) {
        const value = images.data[(index * channels + (channels === 1 ? 0 : channel)) * plane + pixel]!;
        canvas.data[target + channel] = toByte(value);
      }
    }
  }
}

function toByte(value: number): number {
  return Math.round(Math.min(Math.max(value, 0), 1) * 255);
}

function requireWhole(name: string, value: number, least: number): void {
  if (!Number.isInteger(value) || value < least) {
    throw new ArgumentError(`${name} must be a whole number >= ${least}, got ${String(value)}.`, name, value);
  }
}
