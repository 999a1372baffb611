import { limit, mix } from "./palettes.mjs";

/** @typedef {import("./palettes.mjs").Colour} Colour */

/** Width and height of a scene. */
export const size = 32;

/** A picture of 32 x 32 pixels that is painted from back to front; edges are soft over one pixel. */
export class Canvas {
  /** Plane by plane: red, green, blue, each row by row. */
  data = new Float32Array(3 * size * size);

  /**
   * Lays a colour over every pixel, as far as it is covered.
   * @param {(x: number, y: number) => number} cover share of the pixel's middle (x + 1/2, y + 1/2) that is covered
   * @param {Colour | ((x: number, y: number) => Colour)} colour
   */
  paint(cover, colour) {
    for (let y = 0; y < size; y++) {
      for (let x = 0; x < size; x++) {
        const share = limit(cover(x + 0.5, y + 0.5));
        if (share === 0) continue;
        const over = typeof colour === "function" ? colour(x + 0.5, y + 0.5) : colour;
        this.set(x, y, mix(this.get(x, y), over, share));
      }
    }
  }

  /** @param {number} x @param {number} y @returns {Colour} */
  get(x, y) {
    const pixel = y * size + x;
    const { data } = this;
    return [data[pixel] ?? 0, data[pixel + size * size] ?? 0, data[pixel + 2 * size * size] ?? 0];
  }

  /** @param {number} x @param {number} y @param {Colour} colour */
  set(x, y, colour) {
    colour.forEach((value, channel) => {
      this.data[channel * size * size + y * size + x] = limit(value);
    });
  }
}

/**
 * A smooth random line over [0, size]: a sum of waves that become lower as they become shorter.
 * @param {import("@diffusiongym/core").RandomStream} stream
 * @param {{ waves: number, roughness: number }} options roughness: height of a wave of twice the frequency
 * @returns {(x: number) => number} about within [-1, 1]
 */
export function smoothLine(stream, { waves, roughness }) {
  const parts = Array.from({ length: waves }, (_, k) => ({
    height: roughness ** k * (0.6 + 0.4 * stream.uniform()),
    frequency: ((2 * Math.PI) / size) * 2 ** k * (0.35 + 0.4 * stream.uniform()),
    phase: 2 * Math.PI * stream.uniform(),
  }));
  const total = parts.reduce((sum, { height }) => sum + height, 0);
  return (x) =>
    parts.reduce((sum, { height, frequency, phase }) => sum + height * Math.sin(frequency * x + phase), 0) / total;
}

/**
 * A line of straight slopes between random peaks and valleys.
 * @param {import("@diffusiongym/core").RandomStream} stream
 * @param {number} peaks
 * @returns {(x: number) => number} within [-1, 1]
 */
export function jaggedLine(stream, peaks) {
  const knots = 2 * peaks + 1;
  const heights = Array.from({ length: knots + 1 }, (_, k) =>
    k % 2 === 0 ? -1 + 0.9 * stream.uniform() : 0.1 + 0.9 * stream.uniform(),
  );
  const shift = stream.uniform();
  return (x) => {
    const at = (x / size) * (knots - 1) + shift;
    const k = Math.min(Math.floor(at), knots - 1);
    return (heights[k] ?? 0) + ((heights[k + 1] ?? 0) - (heights[k] ?? 0)) * (at - k);
  };
}
