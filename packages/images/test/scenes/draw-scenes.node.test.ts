import { RandomKey } from "@diffusiongym/core";
import { describe, expect, it } from "vitest";
import { drawScenes } from "../../../../tooling/models/scenes/draw-scenes.mjs";
import { jpegBitsPerPixel } from "../../src/index.js";

const key = RandomKey.fromSeed(1);
const scenes = drawScenes(300, key.streams());

describe("the scenes that images/scenes is to learn", () => {
  it("are images, each a function of the seed and its number alone", () => {
    expect(scenes.shape).toEqual([300, 3, 32, 32]);
    expect(scenes.data.every((value) => value >= 0 && value <= 1)).toBe(true);
    expect(drawScenes(3, key.streams(40)).data).toEqual(scenes.slice(40, 43).data);
    expect(drawScenes(1, RandomKey.fromSeed(2).streams()).data).not.toEqual(scenes.slice(0, 1).data);
  });

  it("make small JPEG files and large ones, and many between", async () => {
    const bits = (await jpegBitsPerPixel(scenes)).sort();
    expect(bits.at(-1)! / bits[0]!).toBeGreaterThan(2.8);
    // The smallest of two thousand scenes, in mist, takes a third of the bytes of the largest, a meadow.
    const more = (await jpegBitsPerPixel(drawScenes(2000, RandomKey.fromSeed(12).streams()))).sort();
    expect(more.at(-1)! / more[0]!).toBeGreaterThan(3);
    // Without the tables that every file carries (289 bytes for one colour), the largest is ten times the smallest.
    const plain = (289 * 8) / 32 ** 2;
    expect((bits.at(-6)! - plain) / (bits[5]! - plain)).toBeGreaterThan(7);
    expect((bits[225]! - plain) / (bits[75]! - plain)).toBeGreaterThan(1.5);
  });

  it("are of many colours and lights", () => {
    const brightness = Array.from(scenes.aggregate("mean")).sort((a, b) => a - b);
    expect(brightness[15]).toBeLessThan(0.25);
    expect(brightness[285]).toBeGreaterThan(0.6);
  });
});
