import { jaggedLine, size, smoothLine } from "./canvas.mjs";
import { limit, mix } from "./palettes.mjs";

/**
 * @typedef {import("@diffusiongym/core").RandomStream} RandomStream
 * @typedef {import("./palettes.mjs").Palette} Palette
 * @typedef {import("./palettes.mjs").Colour} Colour
 * @typedef {import("./canvas.mjs").Canvas} Canvas
 * @typedef {{ x: number, y: number, radius: number }} Sun
 */

/**
 * The sky from overhead down to the horizon, with a glow around the sun.
 * @param {Canvas} canvas @param {Palette} palette @param {number} horizon @param {Sun | undefined} sun
 */
export function paintSky(canvas, palette, horizon, sun) {
  canvas.paint(
    () => 1,
    (x, y) => {
      const sky = mix(palette.top, palette.low, limit(y / horizon) ** 1.3);
      if (sun === undefined) return sky;
      const away = Math.hypot(x - sun.x, y - sun.y) / sun.radius;
      return mix(sky, palette.sun, 0.45 * Math.exp(-(away ** 1.2) / 2.2));
    },
  );
}

/** @param {Canvas} canvas @param {Palette} palette @param {Sun} sun */
export function paintSun(canvas, palette, sun) {
  canvas.paint((x, y) => sun.radius - Math.hypot(x - sun.x, y - sun.y) + 0.5, palette.sun);
}

/** @param {Canvas} canvas @param {RandomStream} stream @param {Palette} palette @param {number} horizon */
export function paintStars(canvas, stream, palette, horizon) {
  const stars = Math.round(limit(1.7 * palette.night - 0.5) * (6 + 26 * stream.uniform()));
  for (let k = 0; k < stars; k++) {
    const x = stream.integer(0, size);
    const y = Math.floor(stream.uniform() * (horizon - 1));
    canvas.set(x, y, mix(canvas.get(x, y), [1, 1, 0.95], 0.35 + 0.65 * stream.uniform()));
  }
}

/** Long soft clouds. @param {Canvas} canvas @param {RandomStream} stream @param {Palette} palette @param {number} horizon */
export function paintClouds(canvas, stream, palette, horizon) {
  const light = mix(palette.low, [1, 1, 1], 0.55 * (1 - palette.night));
  for (let k = 1 + stream.integer(0, 3); k > 0; k--) {
    const middle = { x: size * stream.uniform(), y: horizon * (0.1 + 0.6 * stream.uniform()) };
    const width = 4 + 7 * stream.uniform();
    const puffs = Array.from({ length: 4 }, (_, i) => ({
      x: middle.x + width * (i / 3 - 0.5) * 1.4,
      y: middle.y - 1.2 * stream.uniform() * Math.sin((Math.PI * (i + 0.5)) / 4),
      radius: width * (0.22 + 0.16 * stream.uniform()),
    }));
    canvas.paint((x, y) => {
      if (y > middle.y + 1.2) return 0;
      const reach = Math.max(...puffs.map((puff) => puff.radius - Math.hypot(x - puff.x, (y - puff.y) * 1.6)));
      return 0.85 * limit(reach * 0.8 + 0.4) * limit(middle.y + 1.2 - y);
    }, light);
  }
}

/**
 * Ridges one behind the other, paler the farther away.
 * @param {Canvas} canvas @param {RandomStream} stream @param {Palette} palette
 * @param {{ from: number, to: number, ridges: number, kind: "hills" | "mountains" | "dunes" }} options from the farthest ridge's
 *   height in the picture down to the nearest's
 * @returns {(x: number) => number} the nearest ridge
 */
export function paintRidges(canvas, stream, palette, { from, to, ridges, kind }) {
  /** @type {(x: number) => number} */
  let edge = () => from;
  for (let k = 0; k < ridges; k++) {
    const depth = ridges === 1 ? 1 : k / (ridges - 1);
    const level = from + (to - from) * depth;
    const jagged = kind === "mountains" && k < ridges - 1;
    const line = jagged ? jaggedLine(stream, 2 + stream.integer(0, 2)) : smoothLine(stream, lineOf(kind));
    const height = jagged ? 4.5 - 2.5 * depth : kind === "dunes" ? 3 : 2.2;
    const ridge = (/** @type {number} */ x) => level - height * line(x);
    const colour = mix(palette.far, palette.near, depth ** 1.2);
    const snow = jagged && stream.uniform() < 0.6;
    canvas.paint(
      (x, y) => y - ridge(x) + 0.5,
      (x, y) => {
        const below = y - ridge(x);
        if (snow && y < level - 1.4 + 0.7 * Math.sin(2.3 * x + 9 * depth)) {
          return mix(colour, mix([1, 1, 1], palette.low, 0.3), 0.85 * (1 - 0.75 * palette.night));
        }
        // The light side of a dune is the one that faces left.
        const light = kind === "dunes" ? limit(0.5 + 1.6 * (ridge(x + 1) - ridge(x - 1))) * 0.35 : 0.12;
        return mix(colour, palette.low, light * Math.exp(-below / 5));
      },
    );
    edge = ridge;
  }
  return edge;
}

/** @param {"hills" | "mountains" | "dunes"} kind */
function lineOf(kind) {
  return kind === "dunes" ? { waves: 2, roughness: 0.35 } : { waves: 3, roughness: 0.5 };
}

/**
 * Water below the horizon: the sky again, darker, with a path of light below the sun and waves that widen towards the front.
 * @param {Canvas} canvas @param {RandomStream} stream @param {Palette} palette @param {number} horizon @param {Sun | undefined} sun
 * @param {number} rough from 0, a mirror, to 1, a storm
 */
export function paintWater(canvas, stream, palette, horizon, sun, rough) {
  const phases = Array.from({ length: size }, () => 2 * Math.PI * stream.uniform());
  const lengths = Array.from({ length: size }, () => 0.5 + stream.uniform());
  canvas.paint(
    (_, y) => y - horizon + 0.5,
    (x, y) => {
      const depth = limit((y - horizon) / (size - horizon));
      const row = Math.floor(y);
      const water = mix(mix(palette.low, palette.water, 0.45 + 0.4 * depth), palette.near, 0.15 * depth);
      const wave = Math.sin(x * (0.9 - 0.5 * depth) * (lengths[row] ?? 1) + (phases[row] ?? 0));
      const rippled = mix(water, wave > 0 ? palette.low : palette.near, Math.abs(wave) * (0.01 + 0.65 * rough ** 1.5));
      if (sun === undefined) return rippled;
      const spread = sun.radius * (0.5 + 1.1 * depth);
      const path = Math.exp(-(((x - sun.x) / spread) ** 2)) * (0.3 + 0.5 * (wave > -0.2 ? 1 : 1 - limit(2 * rough)));
      return mix(rippled, palette.sun, path);
    },
  );
}

/** Rape, young wheat and lavender. @type {readonly Colour[]} */
const crops = [
  [0.75, 0.68, 0.2],
  [0.3, 0.55, 0.2],
  [0.6, 0.4, 0.65],
];

/**
 * A field whose furrows run together at the horizon.
 * @param {Canvas} canvas @param {RandomStream} stream @param {Palette} palette @param {number} horizon
 * @param {number} contrast of the furrows, from 0 to 1
 */
export function paintField(canvas, stream, palette, horizon, contrast) {
  const rows = 3 + 6 * stream.uniform();
  const vanishing = size * (0.2 + 0.6 * stream.uniform());
  const crop = /** @type {Colour} */ (crops[stream.integer(0, crops.length)]);
  const dark = 1 - 0.85 * palette.night;
  const light = mix(palette.near, crop, 0.75 * dark);
  const soil = mix(palette.near, [0.25, 0.16, 0.1], 0.4 * dark);
  canvas.paint(
    (_, y) => y - horizon + 0.5,
    (x, y) => {
      const depth = (y - horizon + 1.2) / (size - horizon);
      const furrow = Math.sin(((x - vanishing) / (depth * size)) * rows * 2 * Math.PI);
      // Where furrows are narrower than pixels they blend.
      const seen = limit((depth * size) / rows / 2 - 0.2);
      return mix(mix(light, soil, 0.5 + 0.6 * furrow * seen * contrast), palette.far, 0.5 * limit(1 - depth * 2.5));
    },
  );
}

/**
 * Pines along a ridge, from the back to the front.
 * @param {Canvas} canvas @param {RandomStream} stream @param {Palette} palette @param {(x: number) => number} ground @param {number} trees
 */
export function paintPines(canvas, stream, palette, ground, trees) {
  const spots = Array.from({ length: trees }, () => ({
    x: size * stream.uniform(),
    height: 5 + 6 * stream.uniform(),
    down: 4 * stream.uniform(),
  })).sort((a, b) => a.down - b.down);
  for (const { x: middle, height, down } of spots) {
    const foot = ground(middle) + 1 + down;
    const colour = mix(mix(palette.near, palette.far, 0.25 * (1 - down / 4)), [0.02, 0.1, 0.06], 0.45);
    canvas.paint((x, y) => {
      const up = foot - y;
      if (up < -0.5 || up > height) return 0;
      // Three tiers of branches.
      const tier = (1 - up / height) * 3;
      const reach = height * 0.27 * (0.3 + 0.7 * (tier / 3)) * (0.65 + 0.35 * (tier % 1));
      return reach - Math.abs(x - middle) + 0.5;
    }, colour);
  }
}

/** Flowers that grow together. @type {readonly (readonly [Colour, Colour])[]} */
const flowers = [
  [
    [1, 0.9, 0.3],
    [1, 1, 1],
  ],
  [
    [0.95, 0.3, 0.35],
    [1, 0.85, 0.4],
  ],
  [
    [0.7, 0.45, 0.95],
    [1, 0.8, 0.95],
  ],
  [
    [1, 1, 1],
    [0.55, 0.75, 1],
  ],
];

/**
 * A meadow: grains of grass and flowers.
 * @param {Canvas} canvas @param {RandomStream} stream @param {Palette} palette @param {(x: number) => number} ground
 * @param {number} strength from 0 to 1
 */
export function paintMeadow(canvas, stream, palette, ground, strength) {
  const [first, second] = /** @type {[Colour, Colour]} */ (flowers[stream.integer(0, flowers.length)]);
  const seen = 0.2 + 0.5 * palette.night;
  canvas.paint(
    (x, y) => limit(y - ground(x)) * limit(1.6 * strength) * (0.4 + 0.6 * stream.uniform()),
    () =>
      stream.uniform() < 0.2 + 0.25 * strength
        ? mix(stream.uniform() < 0.6 ? first : second, palette.low, seen)
        : mix(palette.near, [0, 0, 0], 0.7 * stream.uniform()),
  );
}

/**
 * Houses before the sky, with windows.
 * @param {Canvas} canvas @param {RandomStream} stream @param {Palette} palette @param {number} foot where they stand
 * @param {number} lit share of the windows with light
 */
export function paintCity(canvas, stream, palette, foot, lit) {
  const lamp = mix([1, 0.85, 0.45], palette.low, 0.2);
  for (const depth of [0, 1]) {
    const wall = mix(palette.far, palette.near, 0.25 + 0.6 * depth);
    for (let left = -stream.integer(0, 3); left < size; ) {
      const width = 3 + stream.integer(0, 4);
      const top = Math.round(foot - (depth === 0 ? 7 : 3) - 8 * stream.uniform() ** 1.3);
      const right = left + width;
      const shade = 0.12 * stream.uniform();
      const from = left;
      canvas.paint((x, y) => (x > from && x < right && y > top ? 1 : 0), mix(wall, palette.low, shade));
      for (let y = top + 1; y < size; y += 2) {
        for (let x = Math.max(left + 1, 0); x < Math.min(right - 1, size); x += 2) {
          if (stream.uniform() < lit) canvas.set(x, y, mix(lamp, wall, 0.3 * (1 - depth) + 0.3 * stream.uniform()));
        }
      }
      left = right + (stream.uniform() < 0.2 ? 1 : 0);
    }
  }
}

/**
 * Mist that hides what is far away.
 * @param {Canvas} canvas @param {Palette} palette @param {number} horizon @param {number} strength from 0 to 1
 */
export function paintMist(canvas, palette, horizon, strength) {
  canvas.paint((_, y) => strength * (0.55 + 0.45 * Math.exp(-(((y - horizon) / 9) ** 2))), palette.low);
}
