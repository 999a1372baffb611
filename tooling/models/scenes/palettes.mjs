/**
 * @typedef {readonly [number, number, number]} Colour red, green, blue from 0 to 1
 *
 * @typedef {object} Palette the colours of one light
 * @property {Colour} top sky overhead
 * @property {Colour} low sky above the horizon
 * @property {Colour} sun the sun, or the moon
 * @property {Colour} far land at the horizon
 * @property {Colour} near land in front
 * @property {Colour} water
 * @property {number} night how dark it is: where 1, stars are seen
 */

/** The lights of a day and its weather. @type {readonly Palette[]} in an order in which neighbours mix well */
export const palettes = [
  {
    top: [0.02, 0.04, 0.15],
    low: [0.13, 0.19, 0.4],
    sun: [0.96, 0.95, 0.86],
    far: [0.09, 0.13, 0.29],
    near: [0.02, 0.04, 0.1],
    water: [0.06, 0.11, 0.27],
    night: 1,
  },
  {
    top: [0.42, 0.5, 0.78],
    low: [0.99, 0.8, 0.78],
    sun: [1, 0.95, 0.86],
    far: [0.65, 0.57, 0.72],
    near: [0.22, 0.27, 0.4],
    water: [0.5, 0.55, 0.75],
    night: 0,
  },
  {
    top: [0.2, 0.47, 0.85],
    low: [0.74, 0.89, 0.98],
    sun: [1, 0.98, 0.82],
    far: [0.47, 0.65, 0.74],
    near: [0.13, 0.4, 0.18],
    water: [0.1, 0.42, 0.62],
    night: 0,
  },
  {
    top: [0.16, 0.55, 0.8],
    low: [0.86, 0.95, 0.86],
    sun: [1, 0.97, 0.7],
    far: [0.42, 0.68, 0.55],
    near: [0.1, 0.34, 0.14],
    water: [0.05, 0.45, 0.5],
    night: 0,
  },
  {
    top: [0.55, 0.62, 0.7],
    low: [0.9, 0.9, 0.86],
    sun: [1, 0.98, 0.9],
    far: [0.62, 0.66, 0.66],
    near: [0.24, 0.3, 0.24],
    water: [0.4, 0.48, 0.52],
    night: 0,
  },
  {
    top: [0.4, 0.49, 0.7],
    low: [1, 0.82, 0.5],
    sun: [1, 0.97, 0.74],
    far: [0.72, 0.56, 0.45],
    near: [0.42, 0.32, 0.12],
    water: [0.45, 0.45, 0.5],
    night: 0,
  },
  {
    top: [0.24, 0.16, 0.42],
    low: [1, 0.5, 0.28],
    sun: [1, 0.86, 0.5],
    far: [0.5, 0.23, 0.38],
    near: [0.14, 0.06, 0.17],
    water: [0.38, 0.2, 0.38],
    night: 0.1,
  },
  {
    top: [0.11, 0.09, 0.3],
    low: [0.72, 0.36, 0.55],
    sun: [1, 0.85, 0.75],
    far: [0.27, 0.17, 0.4],
    near: [0.06, 0.05, 0.15],
    water: [0.2, 0.15, 0.38],
    night: 0.5,
  },
];

/**
 * One of the lights, part of the way to the next, a little warmer or colder.
 * @param {import("@diffusiongym/core").RandomStream} stream
 * @returns {Palette}
 */
export function drawPalette(stream) {
  const k = stream.integer(0, palettes.length);
  const first = /** @type {Palette} */ (palettes[k]);
  const second = /** @type {Palette} */ (palettes[Math.min(k + 1, palettes.length - 1)]);
  // The squares keep most scenes close to a light that was composed.
  const share = 0.6 * stream.uniform() ** 2;
  const warmth = 0.06 * (stream.uniform() - 0.5);
  /** @param {Colour} a @param {Colour} b @returns {Colour} */
  const colour = (a, b) => {
    const [red, green, blue] = mix(a, b, share);
    return [limit(red + warmth), green, limit(blue - warmth)];
  };
  return {
    top: colour(first.top, second.top),
    low: colour(first.low, second.low),
    sun: colour(first.sun, second.sun),
    far: colour(first.far, second.far),
    near: colour(first.near, second.near),
    water: colour(first.water, second.water),
    night: first.night + (second.night - first.night) * share,
  };
}

/** @param {Colour} a @param {Colour} b @param {number} share of b @returns {Colour} */
export function mix(a, b, share) {
  return [a[0] + (b[0] - a[0]) * share, a[1] + (b[1] - a[1]) * share, a[2] + (b[2] - a[2]) * share];
}

/** @param {number} value */
export function limit(value) {
  return Math.min(Math.max(value, 0), 1);
}
