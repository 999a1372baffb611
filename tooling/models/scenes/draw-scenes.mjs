import { DDTensor, Tensor } from "@diffusiongym/core";
import { Canvas, size } from "./canvas.mjs";
import { drawPalette, limit } from "./palettes.mjs";
import {
  paintCity,
  paintClouds,
  paintField,
  paintMeadow,
  paintMist,
  paintPines,
  paintRidges,
  paintSky,
  paintStars,
  paintSun,
  paintWater,
} from "./parts.mjs";

const kinds = ["hills", "mountains", "dunes", "lake", "sea", "field", "city", "meadow"];

/**
 * One scene: a sky and, below it, hills, mountains, dunes, a lake, the sea, a field, a city or a meadow. How much there is to see, from
 * a plain view in the mist to a meadow of flowers, is drawn too, so that some scenes make small JPEG files and some large ones.
 * @param {import("@diffusiongym/core").RandomStream} stream everything that is drawn by chance comes from it
 * @returns {Float32Array} [3, 32, 32] in [0, 1]
 */
export function drawScene(stream) {
  const canvas = new Canvas();
  const palette = drawPalette(stream);
  const chance = () => stream.uniform();
  const kind = kinds[stream.integer(0, kinds.length)];
  // Plain scenes and rich ones are more frequent than those between.
  const detail = 0.5 - 0.5 * Math.cos(Math.PI * chance());
  const horizon =
    kind === "meadow" ? 15 - 12 * detail * Math.sqrt(chance()) : kind === "sea" ? 13 + 8 * chance() : 15 + 6 * chance();
  const sun =
    chance() < 0.35 + 0.5 * detail
      ? { x: 4 + 24 * chance(), y: 3 + (horizon - 4) * chance(), radius: 1.8 + 2.4 * chance() ** 1.5 }
      : undefined;
  paintSky(canvas, palette, horizon, sun);
  if (detail > 0.2) paintStars(canvas, stream, palette, horizon);
  if (sun !== undefined) paintSun(canvas, palette, sun);
  if (detail > 0.25 && chance() < 0.45) paintClouds(canvas, stream, palette, horizon);

  if (kind === "sea" || kind === "lake") {
    if (kind === "lake") {
      paintRidges(canvas, stream, palette, { from: horizon - 3, to: horizon, ridges: 2, kind: "mountains" });
    }
    paintWater(canvas, stream, palette, horizon, sun, detail);
  } else if (kind === "field") {
    if (chance() < 0.6) {
      paintRidges(canvas, stream, palette, { from: horizon - 1.5, to: horizon, ridges: 1, kind: "hills" });
    }
    paintField(canvas, stream, palette, horizon, 0.1 + 0.9 * detail);
    if (detail > 0.7) paintMeadow(canvas, stream, palette, () => horizon + 2, 2 * (detail - 0.7));
  } else if (kind === "meadow") {
    const ground = paintRidges(canvas, stream, palette, {
      from: horizon - 1,
      to: horizon + 2,
      ridges: 2,
      kind: "hills",
    });
    paintMeadow(canvas, stream, palette, ground, detail);
  } else if (kind === "city") {
    paintCity(canvas, stream, palette, 25 + 3 * chance(), detail < 0.25 ? 0 : 0.2 + 0.6 * (detail - 0.25));
  } else {
    const ground = paintRidges(canvas, stream, palette, {
      from: horizon - (kind === "mountains" ? 3 : 0),
      to: 24 + 5 * chance() - 9 * limit(2 * detail - 1),
      ridges: 1 + Math.ceil(3 * chance() * detail),
      kind: /** @type {"hills" | "mountains" | "dunes"} */ (kind),
    });
    if (kind !== "dunes" && detail > 0.4) {
      paintMeadow(canvas, stream, palette, ground, 1.4 * (detail - 0.4));
      if (chance() < 0.5) paintPines(canvas, stream, palette, ground, Math.round(2 + 14 * detail * chance()));
    }
  }
  if (detail < 0.35 && chance() < 0.7) paintMist(canvas, palette, horizon, 0.3 + 1.85 * (0.35 - detail));
  return canvas.data;
}

/**
 * Scenes, one a stream: scene i depends on the key of the streams and on i alone.
 * @param {number} n
 * @param {import("@diffusiongym/core").SampleStreams} streams
 * @returns {DDTensor} [n, 3, 32, 32] in [0, 1]
 */
export function drawScenes(n, streams) {
  const data = new Float32Array(n * 3 * size * size);
  for (let i = 0; i < n; i++) data.set(drawScene(streams.at(i)), i * 3 * size * size);
  return new DDTensor(new Tensor(data, [n, 3, size, size]));
}
